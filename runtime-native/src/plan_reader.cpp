// Reads and checks a plan. After this, a run trusts every index and size in it.

#include <algorithm>
#include <cmath>

#include "anec/ranks.h"
#include "anec/session.h"

namespace anec {
namespace {

constexpr double largest_integer = 9007199254740992.0;  // 2^53

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::i32: return "i32";
    case DType::f64: return "f64";
  }
  return "?";
}

int64_t size_of(DType dtype) { return dtype == DType::f64 ? 8 : 4; }

// Takes numbers off the list; after the first that is missing or of the wrong kind, `ok` is false and
// zeros come back.
class Words {
 public:
  Words(std::span<const double> words, const std::vector<std::string>& strings)
      : words_(words), strings_(strings) {}

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == words_.size(); }
  size_t left() const { return words_.size() - at_; }

  double number() {
    if (at_ >= words_.size()) {
      ok_ = false;
      return 0;
    }
    return words_[at_++];
  }
  int64_t integer() {
    const double value = number();
    if (!(std::fabs(value) <= largest_integer) || value != std::floor(value)) {
      ok_ = false;
      return 0;
    }
    return static_cast<int64_t>(value);
  }
  int64_t below(int64_t limit) {
    const int64_t value = integer();
    if (value >= 0 && value < limit) return value;
    ok_ = false;
    return 0;
  }
  // A count of things that each take at least one more word.
  int64_t count() { return below(static_cast<int64_t>(left()) + 1); }
  std::string text() {
    const int64_t index = below(static_cast<int64_t>(strings_.size()));
    return ok_ ? strings_[static_cast<size_t>(index)] : std::string();
  }

 private:
  std::span<const double> words_;
  const std::vector<std::string>& strings_;
  size_t at_ = 0;
  bool ok_ = true;
};

Error malformed(const std::string& what) {
  return Error{"E0603", "the plan is malformed: " + what, ""};
}

Result<void> read_buffers(Words& words, Plan& plan) {
  const int64_t count = words.count();
  for (int64_t i = 0; i < count; ++i) {
    Plan::Buffer buffer;
    buffer.name = words.text();
    buffer.arena = static_cast<int>(words.below(2));
    buffer.dtype = static_cast<DType>(words.below(3));
    buffer.offset = words.integer();
    buffer.bytes = words.integer();
    const std::string name = "buffer `" + buffer.name + "`";
    if (!words.ok()) return malformed(name + " is not described by whole numbers");
    if (buffer.offset < 0 || buffer.offset % 64 != 0)
      return malformed(name + " does not start at a multiple of 64 bytes");
    if (buffer.bytes < 0 || buffer.bytes % size_of(buffer.dtype) != 0)
      return malformed(name + " does not hold whole elements");
    const int64_t arena = plan.arena_bytes[buffer.arena];
    if (buffer.bytes > arena || buffer.offset > arena - buffer.bytes) {
      return Error{"E0603", name + " does not lie in its arena",
                   "bytes " + std::to_string(buffer.offset) + " .. " +
                       std::to_string(buffer.offset) + " + " + std::to_string(buffer.bytes) +
                       " of " + std::to_string(arena)};
    }
    plan.buffers.push_back(std::move(buffer));
  }
  return {};
}

std::string where(const Plan::Command& command) {
  return "`" + command.label + "` (kernel " + command.kernel->name + ")";
}

// The operand of a command against what the kernel's size rule needs.
Result<void> check_operand(const Plan& plan, const Plan::Command& command, int index,
                           const Shape::Need& need) {
  const Plan::Operand& operand = command.operands[static_cast<size_t>(index)];
  const std::string name = "operand " + std::to_string(index) + " of " + where(command);
  if (operand.buffer < 0) {
    if (need.optional) return {};
    return Error{"E0603", name + " is missing", ""};
  }
  const Plan::Buffer& buffer = plan.buffers[static_cast<size_t>(operand.buffer)];
  const bool fits = need.any_4_bytes ? size_of(buffer.dtype) == 4 : buffer.dtype == need.dtype;
  if (!fits) {
    return Error{"E0603", name + " needs " + dtype_name(need.dtype) + " elements, buffer `" +
                              buffer.name + "` has " + dtype_name(buffer.dtype), ""};
  }
  const int64_t size = buffer.bytes / size_of(buffer.dtype);
  if (operand.offset < 0 || operand.offset > size || need.elements > size - operand.offset) {
    return Error{"E0603", name + " does not fit buffer `" + buffer.name + "`",
                 "needs " + std::to_string(need.elements) + " elements from element " +
                     std::to_string(operand.offset) + " on; the buffer has " +
                     std::to_string(size)};
  }
  return {};
}

Result<void> read_command(Words& words, std::span<const Kernel* const> kernels, Plan& plan,
                          Plan::Command& command) {
  const std::string kernel_name = words.text();
  command.label = words.text();
  if (!words.ok()) return malformed("a command has no kernel or label");
  command.kernel = nullptr;
  for (const Kernel* kernel : kernels) {
    if (kernel_name == kernel->name) command.kernel = kernel;
  }
  for (const Kernel* kernel : engine_kernels()) {
    if (kernel_name == kernel->name) command.kernel = kernel;
  }
  for (const Kernel* kernel : rank_kernels()) {
    if (kernel_name == kernel->name) command.kernel = kernel;
  }
  if (command.kernel == nullptr) {
    return Error{"E0602", "there is no host kernel named `" + kernel_name + "`",
                 "used by `" + command.label + "`"};
  }

  const int64_t operands = words.count();
  if (operands > max_operands) return malformed(where(command) + " has too many operands");
  for (int64_t i = 0; i < operands; ++i) {
    const int64_t buffer = words.integer(), offset = words.integer();
    if (!words.ok() || buffer < -1 || buffer >= static_cast<int64_t>(plan.buffers.size()))
      return malformed("operand " + std::to_string(i) + " of " + where(command) + " names no buffer");
    command.operands.push_back({static_cast<int>(buffer), offset});
  }
  const int64_t ints = words.count();
  for (int64_t i = 0; i < ints; ++i) command.ints.push_back(words.integer());
  const int64_t floats = words.count();
  for (int64_t i = 0; i < floats; ++i) command.floats.push_back(words.number());
  if (!words.ok()) return malformed(where(command) + " has a number that is not a whole number");

  Shape shape(command.ints, static_cast<int>(floats), static_cast<int>(operands));
  command.kernel->describe(shape);
  shape.finish();
  if (!shape.ok()) return Error{"E0603", where(command) + ": " + shape.complaint(), ""};
  for (int i = 0; i < operands; ++i) {
    auto checked = check_operand(plan, command, i, shape.need(i));
    if (!checked.ok()) return checked;
  }
  plan.shared_floats = std::max(plan.shared_floats, shape.shared_floats());
  plan.thread_floats = std::max(plan.thread_floats, shape.thread_floats());
  return {};
}

// Commands wait for earlier ones only, so that every program comes to its end.
Result<void> read_order(Words& words, Plan::Program& program) {
  const auto commands = static_cast<int64_t>(program.commands.size());
  for (const Plan::Command& command : program.commands) {
    const Lane lane = command.kernel->run != nullptr     ? Lane::host
                      : is_rank_command(*command.kernel) ? Lane::network
                      : is_engine_call(*command.kernel)  ? Lane::engine
                                                         : Lane::staging;
    program.order.push_back({lane, 0, 0, {}});
  }
  for (int64_t c = 0; c < commands; ++c) {
    CommandOrder& own = program.order[static_cast<size_t>(c)];
    own.rank = static_cast<int>(words.below(commands));
    const int64_t waits = words.count();
    for (int64_t i = 0; i < waits; ++i) {
      const int64_t before = words.below(c);
      if (!words.ok())
        return malformed(where(program.commands[static_cast<size_t>(c)]) +
                         " waits for something that is no command before it");
      program.order[static_cast<size_t>(before)].users.push_back(static_cast<int>(c));
    }
    own.waits = static_cast<int>(waits);
  }
  if (!words.ok()) return malformed("program `" + program.name + "` has no complete order");
  return {};
}

}  // namespace

Result<Plan> read_plan(std::span<const double> numbers, const std::vector<std::string>& strings,
                       std::span<const Kernel* const> kernels) {
  Words words(numbers, strings);
  Plan plan;
  if (words.integer() != 1) return malformed("its version is not 1");
  for (int64_t& bytes : plan.arena_bytes) {
    bytes = words.integer();
    if (!words.ok() || bytes < 0) return malformed("the size of an arena is not a whole number");
  }
  if (auto read = read_buffers(words, plan); !read.ok()) return read.error();

  const int64_t programs = words.count();
  for (int64_t p = 0; p < programs; ++p) {
    Plan::Program& program = plan.programs.emplace_back();
    program.name = words.text();
    const int64_t commands = words.count();
    if (!words.ok()) return malformed("program " + std::to_string(p) + " is incomplete");
    for (int64_t c = 0; c < commands; ++c) {
      auto read = read_command(words, kernels, plan, program.commands.emplace_back());
      if (!read.ok()) return read.error();
    }
    if (words.below(2) == 0) continue;
    if (auto read = read_order(words, program); !read.ok()) return read.error();
  }
  if (!words.ok() || !words.at_end()) return malformed("it has too few or too many numbers");
  return plan;
}

}  // namespace anec
