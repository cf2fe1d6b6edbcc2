// Random loops on pools of up to eight threads, under the thread sanitizer: every element is visited once,
// ranges begin at multiples of the grain, and what a loop wrote is seen by the next one. Prints what is
// wrong; built and run by tests/long/overlap_races.test.ts.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "anec/thread_pool.h"

namespace {

using namespace anec;

constexpr int most_threads = 8, loops = 400;
constexpr int64_t most_elements = 3000;

bool run_loops(int threads, std::mt19937& random) {
  auto pool = ThreadPool::create(threads);
  if (!pool.ok()) return std::printf("no pool of %d threads\n", threads), false;
  // Plain memory on purpose: the pool orders what its loops do with it.
  std::vector<int64_t> visits(most_elements, 0), wanted(most_elements, 0);
  for (int loop = 0; loop < loops; ++loop) {
    // Now and then more ranges than a ticket can count, and a pause in which workers fall asleep.
    const bool many = loop % 100 == 99, sleeps = loop % 40 == 39;
    const auto count = many ? int64_t{1} << 20 : static_cast<int64_t>(random() % most_elements);
    const auto grain = static_cast<int64_t>(many ? 1 : 1 + random() % 50);
    if (sleeps) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    bool aligned[most_threads] = {};
    for (bool& each : aligned) each = true;
    pool.value()->parallel_for(count, grain, [&](int64_t begin, int64_t end, int thread) {
      aligned[thread] = aligned[thread] && begin % grain == 0 && end <= count;
      for (int64_t i = begin; i < end && i < most_elements; ++i) ++visits[static_cast<size_t>(i)];
    });
    for (int64_t i = 0; i < most_elements; ++i) wanted[static_cast<size_t>(i)] += i < count ? 1 : 0;
    for (const bool each : aligned)
      if (!each) return std::printf("a range of loop %d begins elsewhere\n", loop), false;
    if (visits != wanted) return std::printf("loop %d of %d threads missed some\n", loop, threads), false;
  }
  return true;
}

}  // namespace

int main() {
  std::mt19937 random(7);
  for (int threads = 1; threads <= most_threads; ++threads)
    if (!run_loops(threads, random)) return 1;
  return 0;
}
