// The claim protocol behind ThreadPool.
//
// A share's ticket holds the number of the loop and the ranges of the share that are unclaimed, first and
// end. Claiming is one compare-and-swap that takes the first range of the thread's own share, or the last
// of another. A claim of an old loop fails because the number has changed, and the loop of a successful
// claim cannot end before that range is done; so the fields of the loop are read only after a claim.

#include "anec/thread_pool.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace anec {
namespace {

constexpr int64_t max_ranges = 0xffff;  // what half of the lower word of a ticket holds

inline uint64_t first_of(uint64_t ticket) { return ticket >> 16 & 0xffff; }
inline uint64_t end_of(uint64_t ticket) { return ticket & 0xffff; }
constexpr int spins_before_sleep = 2000;   // some tens of microseconds
constexpr int spins_before_wait = 4000;
constexpr int spins_before_look = 1000;    // whether a worker that is late has lost its processor

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  std::unique_ptr<ThreadPool> pool(new ThreadPool(std::max(threads, 1)));
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
  self->pool->places_.enter(self->index);
  self->pool->work(self->index);
  return nullptr;
}

void ThreadPool::run(int64_t count, int64_t grain, int64_t together, const void* context, Task task) {
  if (count / grain >= max_ranges) grain = count / max_ranges + 1;
  task_ = task;
  context_ = context;
  count_ = count;
  grain_ = grain;
  ranges_ = (count + grain - 1) / grain;
  together_.store(static_cast<uint64_t>(std::max<int64_t>(together, 1)), std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);

  // Shares differ by one range at most. The caller's comes last, so that workers that spin find their own.
  ++loop_;
  const auto ranges = static_cast<uint64_t>(ranges_), threads = static_cast<uint64_t>(shares_.size());
  for (uint64_t i = threads; i-- > 0;) {
    const uint64_t first = ranges * i / threads, end = ranges * (i + 1) / threads;
    shares_[i].ticket.store(loop_ << 32 | first << 16 | end, std::memory_order_seq_cst);
  }
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }

  claim_and_run(0);
  wait_for_others();
}

// A worker that is late has most likely lost its processor to another process. Sleeping, not spinning,
// lets the system give it this one.
void ThreadPool::wait_for_others() {
  for (int spins = 0; spins < spins_before_wait; ++spins) {
    if (done_.load(std::memory_order_acquire) == ranges_) return;
    if (spins % spins_before_look == spins_before_look - 1) places_.make_room(0);
    pause_briefly();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  caller_waits_.store(true, std::memory_order_seq_cst);
  finished_.wait(lock, [this] { return done_.load(std::memory_order_seq_cst) == ranges_; });
  caller_waits_.store(false, std::memory_order_relaxed);
}

// The first ranges of the thread's own share, or the last one of another's.
bool ThreadPool::claim(Share& share, bool own, Ranges& claimed) {
  uint64_t ticket = share.ticket.load(std::memory_order_acquire), rest;
  do {
    const uint64_t first = first_of(ticket), end = end_of(ticket);
    if (first == end) return false;
    const uint64_t together = own ? together_.load(std::memory_order_relaxed) : 1;
    const uint64_t left = end - first, count = left > together ? together - first % together : (left + 1) / 2;
    rest = own ? ticket + (count << 16) : ticket - 1;
    claimed.first = static_cast<int64_t>(own ? first : end - 1);
    claimed.end = static_cast<int64_t>(own ? first + count : end);
  } while (!share.ticket.compare_exchange_weak(ticket, rest, std::memory_order_acq_rel,
                                               std::memory_order_acquire));
  return true;
}

// The next ranges of a thread: of its own share, or of the first other that has one.
bool ThreadPool::claim_next(int thread, Ranges& claimed) {
  const size_t threads = shares_.size(), self = static_cast<size_t>(thread);
  for (size_t i = 0; i < threads; ++i) {
    if (claim(shares_[(self + i) % threads], i == 0, claimed)) return true;
  }
  return false;
}

// Runs ranges until none is unclaimed; whether there was one. All are of one loop: it cannot end before
// they are counted.
bool ThreadPool::claim_and_run(int thread) {
  Ranges claimed;
  int64_t ran = 0;
  for (; claim_next(thread, claimed); ran += claimed.end - claimed.first) {
    if (ran == 0) places_.begin_ranges(thread);
    task_(context_, claimed.first * grain_, std::min(claimed.end * grain_, count_), thread);
  }
  if (ran == 0) return false;
  places_.end_ranges(thread);
  done_.fetch_add(ran, std::memory_order_seq_cst);
  if (caller_waits_.load(std::memory_order_seq_cst)) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    finished_.notify_one();
  }
  return true;
}

bool ThreadPool::has_unclaimed() const {
  for (const Share& share : shares_) {
    const uint64_t ticket = share.ticket.load(std::memory_order_seq_cst);
    if (first_of(ticket) != end_of(ticket)) return true;
  }
  return false;
}

void ThreadPool::work(int thread) {
  int spins = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const bool ran = claim_and_run(thread);
    places_.return_home(thread);
    if (ran) {
      spins = 0;
      continue;
    }
    pause_briefly();
    if (++spins < spins_before_sleep) continue;
    places_.make_room(thread);

    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [this] {
      return stop_.load() || has_unclaimed();
    });
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    spins = 0;
  }
}

}  // namespace anec
