// Where the threads of a pool run. A range that sleeps stands still as one does whose thread has lost its
// processor: the thread that waits for it lets it have its own. Prints what is wrong; built and run by
// tests/long/overlap_races.test.ts.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "anec/processors.h"
#include "anec/thread_pool.h"

namespace {

using namespace anec;

constexpr auto a_while = std::chrono::milliseconds(20);
constexpr int rounds = 20;

bool is(bool condition, const char* what) {
  if (!condition) std::printf("not so: %s\n", what);
  return condition;
}

// Where the two threads of a loop of two ranges are, once each has one.
struct Places {
  pthread_t handles[2] = {};
  int before[2] = {-1, -1}, after[2] = {-1, -1};
  ProcessorSet allowed[2];
};

// One loop of two ranges; the thread `sleeper`, if any, sleeps in its range. The threads wait for each other
// first, so that neither takes both.
Places loop(ThreadPool& pool, int sleeper) {
  Places places;
  std::atomic<int> arrived{0};
  pool.parallel_for(2, 1, [&](int64_t, int64_t, int thread) {
    places.handles[thread] = pthread_self();
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
    places.before[thread] = current_processor();
    const auto start = std::chrono::steady_clock::now();
    if (thread == sleeper) std::this_thread::sleep_for(a_while);
    // The other one computes until it surely sleeps.
    while (sleeper >= 0 && std::chrono::steady_clock::now() - start < a_while / 4) continue;
    places.after[thread] = current_processor();
    if (sleeper < 0 ? thread == 1 : thread == sleeper)
      for (int i = 0; i < 2; ++i) places.allowed[i] = allowed_processors(places.handles[i]);
  });
  return places;
}

// Between two calls of a worker, a caller may run on one processor only.
bool is_free_again(const ProcessorSet& all) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (allowed_processors(pthread_self()) == all) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

bool run() {
  const ProcessorSet all = allowed_processors(pthread_self());
  auto made = ThreadPool::create(2);
  if (!made.ok()) return is(false, "a pool of two threads");
  ThreadPool& pool = *made.value();
  loop(pool, -1);  // finds out where the caller is

  // Other processes may come between a thread and what it does for another; they do not always.
  int workers = 0, callers = 0;
  for (int round = 0; round < rounds; ++round) {
    const Places apart = loop(pool, -1);
    if (!is(apart.allowed[1].count() == all.count() - 1, "workers keep off one processor")) return false;

    const Places worker = loop(pool, 1);
    workers += worker.before[1] != worker.after[1] && worker.after[1] == worker.after[0];
    const Places caller = loop(pool, 0);
    if (!is(is_free_again(all), "a late caller may run anywhere")) return false;
    callers += !caller.allowed[1][static_cast<size_t>(caller.before[1])];
  }
  return is(workers > 0, "a late worker ends on the caller's processor") &&
         is(callers > 0, "a worker leaves its processor to a late caller");
}

}  // namespace

int main() {
  if (anec::allowed_processors(pthread_self()).count() < 2) return 0;  // nothing to choose from
  return run() ? 0 : 1;
}
