// The claim protocol behind ThreadPool.
//
// `ticket_` holds the number of the loop and how many of its ranges are unclaimed. Claiming is one
// compare-and-swap that takes one range away. A claim of an old loop fails because the number has
// changed, and the loop of a successful claim cannot end before that range is done; so the fields of
// the loop are read only after a claim.

#include "anec/thread_pool.h"

#include <cstring>
#include <string>

#if defined(__linux__)
#include <sched.h>
#else
#include <unistd.h>
#endif

namespace anec {
namespace {

constexpr uint64_t left_mask = 0xffffffffu;
constexpr int64_t max_ranges = int64_t{1} << 30;
constexpr int spins_before_sleep = 2000;   // some tens of microseconds
constexpr int spins_before_wait = 4000;

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  std::unique_ptr<ThreadPool> pool(new ThreadPool());
  for (int index = 1; index < threads; ++index) {
    auto worker = std::make_unique<Worker>();
    worker->pool = pool.get();
    worker->index = index;
    if (int failure = pthread_create(&worker->handle, nullptr, entry, worker.get())) {
      return Error{"E0601",
                   "cannot start thread " + std::to_string(index + 1) + " of " +
                       std::to_string(threads),
                   std::strerror(failure)};
    }
    pool->workers_.push_back(std::move(worker));
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true);
  }
  wake_.notify_all();
  for (auto& worker : workers_) pthread_join(worker->handle, nullptr);
}

void* ThreadPool::entry(void* worker) {
  auto* self = static_cast<Worker*>(worker);
  self->pool->work(self->index);
  return nullptr;
}

void ThreadPool::run(int64_t count, int64_t grain, const void* context, Task task) {
  if (count / grain >= max_ranges) grain = count / max_ranges + 1;
  task_ = task;
  context_ = context;
  count_ = count;
  grain_ = grain;
  ranges_ = (count + grain - 1) / grain;
  done_.store(0, std::memory_order_relaxed);

  const uint64_t loop = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(loop << 32 | static_cast<uint64_t>(ranges_), std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }

  while (claim_and_run(0)) {
  }
  wait_for_others();
}

// A worker that is late has most likely lost its processor to another process. Sleeping, not spinning,
// lets the system give it this one.
void ThreadPool::wait_for_others() {
  for (int spins = 0; spins < spins_before_wait; ++spins) {
    if (done_.load(std::memory_order_acquire) == ranges_) return;
    pause_briefly();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  caller_waits_.store(true, std::memory_order_seq_cst);
  finished_.wait(lock, [this] { return done_.load(std::memory_order_seq_cst) == ranges_; });
  caller_waits_.store(false, std::memory_order_relaxed);
}

bool ThreadPool::claim_and_run(int thread) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if ((ticket & left_mask) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                          std::memory_order_acquire));

  const int64_t range = ranges_ - static_cast<int64_t>(ticket & left_mask);
  const int64_t begin = range * grain_;
  const int64_t end = begin + grain_ < count_ ? begin + grain_ : count_;
  task_(context_, begin, end, thread);
  done_.fetch_add(1, std::memory_order_seq_cst);
  if (caller_waits_.load(std::memory_order_seq_cst)) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    finished_.notify_one();
  }
  return true;
}

void ThreadPool::work(int thread) {
  int spins = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (claim_and_run(thread)) {
      spins = 0;
      continue;
    }
    pause_briefly();
    if (++spins < spins_before_sleep) continue;

    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [this] {
      return stop_.load() || (ticket_.load(std::memory_order_seq_cst) & left_mask) != 0;
    });
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    spins = 0;
  }
}

int available_processors() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    const int count = CPU_COUNT(&set);
    if (count > 0) return count;
  }
#else
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  if (count > 0) return static_cast<int>(count);
#endif
  return 1;
}

}  // namespace anec
