// Keeps the threads of a pool on processors of their own while other processes run.
//
// A system shares processors out among threads, and does not know that the threads of a loop wait for each
// other. Beside one busy process on two processors, Linux 6.18 left a pool's two threads on one processor,
// and gave the other process the other one. And where the caller and a worker are apart, the one that
// shares its processor is taken off it for some milliseconds, while loops take tenths of one: all wait for
// the range that it holds. So workers stay off the caller's processor, and a thread that has nothing left to
// do gives its own processor to one that holds ranges and stands still. docs/performance.md has the figures.
//
// Which processors a thread is left to is the system's choice, among those that it may use. Results never
// depend on places.

#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "anec/processors.h"

namespace anec {

class ThreadPlaces {
 public:
  // `threads` counts the caller, who is thread 0. Does nothing where there are fewer processors than threads.
  explicit ThreadPlaces(int threads);

  // A worker has come to life; called by itself.
  void enter(int worker);
  // A thread has claimed its first range of a loop, and has done its last one; called by itself.
  void begin_ranges(int thread);
  void end_ranges(int thread);
  // The calling thread has none left: lets another one that holds ranges have its processor.
  void make_room(int thread);
  // Back from the caller's processor; called by the worker itself.
  void return_home(int worker);

 private:
  struct alignas(64) Place {
    std::atomic<pthread_t> handle{};
    std::atomic<bool> has_ranges{false};
    std::atomic<int> processor{-1};  // where it began its ranges
    std::atomic<bool> away{false};   // on the caller's processor, to finish its ranges
  };

  void keep_workers_off(int processor);
  ProcessorSet home() const;

  ProcessorSet allowed_;
  bool apart_;
  std::atomic<int> callers_processor_{-1};
  std::mutex moving_;  // only ever tried: whoever holds it may have lost its processor
  std::vector<Place> places_;
};

}  // namespace anec
