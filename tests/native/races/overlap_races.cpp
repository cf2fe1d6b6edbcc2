// Random programs on the lanes, under the thread sanitizer: what the order says comes before must
// be seen, and values are those of one command after another. Prints what is wrong; built and run by
// tests/long/overlap_races.test.ts.

#include <cstdint>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "anec/overlap.h"
#include "anec/thread_pool.h"

namespace {

using namespace anec;

constexpr int programs = 60, runs_of_each = 6, cells = 12, most_commands = 40;

struct Command {
  std::vector<size_t> reads;
  size_t writes;
  int delay;  // microseconds
};

// cell[writes] = a number of the command and of the cells it reads. The cells are plain memory on purpose.
void carry_out(const Command& command, int index, std::vector<int64_t>& cell) {
  int64_t sum = index;
  for (const size_t from : command.reads) sum = sum * 31 + cell[from];
  cell[command.writes] = sum;
}

bool conflict(const Command& a, const Command& b) {
  const auto reads = [](const Command& c, size_t at) {
    for (const size_t from : c.reads)
      if (from == at) return true;
    return false;
  };
  return a.writes == b.writes || reads(a, b.writes) || reads(b, a.writes);
}

struct Program {
  std::vector<Command> commands;
  std::vector<CommandOrder> order;
};

Program random_program(std::mt19937& random) {
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  Program program;
  const size_t count = below(most_commands + 1);
  for (size_t i = 0; i < count; ++i) {
    Command command{{}, below(cells), static_cast<int>(below(4) == 0 ? below(200) : 0)};
    for (size_t n = below(3); n > 0; --n) command.reads.push_back(below(cells));
    CommandOrder order{static_cast<Lane>(below(lanes)), static_cast<int>(below(count)), 0, {}};
    for (size_t j = 0; j < i; ++j) {
      if (!conflict(program.commands[j], command)) continue;
      program.order[j].users.push_back(static_cast<int>(i));
      ++order.waits;
    }
    program.commands.push_back(std::move(command));
    program.order.push_back(std::move(order));
  }
  return program;
}

class Run final : public Overlap::Work {
 public:
  Run(const Program& program, ThreadPool& pool, std::set<int> failing)
      : program_(program), pool_(pool), failing_(std::move(failing)), cell(cells), wide_(64) {}

  Result<void> run(int index) override {
    const auto at = static_cast<size_t>(index);
    const Command& command = program_.commands[at];
    if (command.delay > 0) std::this_thread::sleep_for(std::chrono::microseconds(command.delay));
    if (failing_.contains(index)) return Error{"E0623", std::to_string(index), ""};
    carry_out(command, index, cell);
    // Kernels of the host have one scratch between them, and the pool.
    if (program_.order[at].lane == Lane::host)
      pool_.parallel_for(64, 8, [&](int64_t from, int64_t to, int) {
        for (int64_t i = from; i < to; ++i) wide_[static_cast<size_t>(i)] += index;
      });
    return {};
  }

 private:
  const Program& program_;
  ThreadPool& pool_;
  std::set<int> failing_;

 public:
  std::vector<int64_t> cell;

 private:
  std::vector<int64_t> wide_;
};

int failures = 0;
void expect(bool is_so, const char* what) {
  if (!is_so) std::printf("%s\n", what), ++failures;
}

}  // namespace

int main() {
  std::mt19937 random(1);
  auto pool = ThreadPool::create(2);
  constexpr Lane helped[] = {Lane::staging, Lane::engine, Lane::network};
  auto overlap = Overlap::create(most_commands, helped);
  if (!pool.ok() || !overlap.ok()) return std::printf("no threads\n"), 1;
  for (int p = 0; p < programs; ++p) {
    const Program program = random_program(random);
    std::vector<int64_t> expected(cells);
    for (size_t i = 0; i < program.commands.size(); ++i)
      carry_out(program.commands[i], static_cast<int>(i), expected);
    for (int r = 0; r < runs_of_each; ++r) {
      std::set<int> failing;
      for (int n = r % 3; n > 0 && !program.commands.empty(); --n)
        failing.insert(static_cast<int>(random() % program.commands.size()));
      Run run(program, *pool.value(), failing);
      const auto result = overlap.value()->run(program.order, run);
      expect(result.ok() == failing.empty(), "a run succeeds if all of its commands do, and only then");
      if (result.ok()) expect(run.cell == expected, "values differ from those of one after another");
      else expect(failing.contains(std::stoi(result.error().message)), "an error of no command");
    }
  }
  return failures == 0 ? 0 : 1;
}
