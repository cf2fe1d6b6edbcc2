// A fixed set of threads that run one parallel loop at a time.
//
// A training step has about a hundred short loops, so a worker that runs out of work spins for a few
// microseconds before it sleeps, and so does the caller while others finish. Each thread has a share of
// neighbouring ranges and claims them in order; then it takes the last ones of others. So a
// thread finds in its cache what it used in the loop before, knows what it will need next, and a thread the
// system has taken away delays one range, not its whole share; thread_places.h lets it finish that one. The
// caller never waits for a worker that has not started.
//
// Loops are split over outputs only. Which thread computes a range never changes a result.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <pthread.h>

#include "anec/result.h"
#include "anec/thread_places.h"

namespace anec {

class ThreadPool {
 public:
  // `threads` counts the calling thread.
  static Result<std::unique_ptr<ThreadPool>> create(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end, thread) on disjoint ranges that cover 0 .. count; a range starts at a
  // multiple of `grain`. `thread` is 0 .. threads() − 1 and picks the scratch of the range.
  //
  // A thread claims up to the next multiple of `together` grains at once, and of its last ones half each
  // time, so that others find short ones when they are done.
  template <class Body>
  void parallel_for(int64_t count, int64_t grain, const Body& body, int64_t together = 1) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    if (workers_.empty() || count <= grain) {
      body(int64_t{0}, count, 0);
      return;
    }
    run(count, grain, together, &body, [](const void* context, int64_t begin, int64_t end, int thread) {
      (*static_cast<const Body*>(context))(begin, end, thread);
    });
  }

 private:
  using Task = void (*)(const void* context, int64_t begin, int64_t end, int thread);

  struct Worker {
    ThreadPool* pool;
    int index;
    pthread_t handle;
  };

  // Number of the loop << 32 | first unclaimed range of a thread's share << 16 | end of the share.
  struct alignas(64) Share {
    std::atomic<uint64_t> ticket{0};
  };

  explicit ThreadPool(int threads) : shares_(static_cast<size_t>(threads)), places_(threads) {}
  struct Ranges {
    int64_t first, end;
  };

  void run(int64_t count, int64_t grain, int64_t together, const void* context, Task task);
  bool claim_and_run(int thread);
  bool claim(Share& share, bool own, Ranges& claimed);
  bool claim_next(int thread, Ranges& claimed);
  bool has_unclaimed() const;
  void wait_for_others();
  void work(int thread);
  static void* entry(void* worker);

  // The loop being run. Valid while a claimed range of it is unfinished.
  Task task_ = nullptr;
  const void* context_ = nullptr;
  int64_t count_ = 0;
  int64_t grain_ = 1;
  int64_t ranges_ = 0;
  std::atomic<uint64_t> together_{1};  // read before a claim, when it may be of another loop

  uint64_t loop_ = 0;
  std::vector<Share> shares_;
  alignas(64) std::atomic<int64_t> done_{0};

  ThreadPlaces places_;
  std::mutex mutex_;
  std::condition_variable wake_;      // there are ranges to claim
  std::condition_variable finished_;  // a range was done while the caller waits
  std::atomic<bool> caller_waits_{false};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace anec
