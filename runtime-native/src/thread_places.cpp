// A move changes the set of processors that a thread may use: the system then takes it there at once.

#include "anec/thread_places.h"

namespace anec {
namespace {

// None, if the system does not say which or has more than a set can hold.
ProcessorSet only(int processor) {
  ProcessorSet one;
  if (processor >= 0 && static_cast<size_t>(processor) < one.size()) one[static_cast<size_t>(processor)] = true;
  return one;
}

}  // namespace

ThreadPlaces::ThreadPlaces(int threads)
    : allowed_(allowed_processors(pthread_self())),
      apart_(threads > 1 && allowed_.count() >= static_cast<size_t>(threads)),
      places_(static_cast<size_t>(threads)) {}

void ThreadPlaces::enter(int worker) {
  if (!apart_) return;
  places_[static_cast<size_t>(worker)].handle.store(pthread_self());
  if (callers_processor_.load() >= 0) confine(pthread_self(), home());
}

void ThreadPlaces::begin_ranges(int thread) {
  if (!apart_) return;
  Place& own = places_[static_cast<size_t>(thread)];
  const int here = current_processor();
  own.processor.store(here, std::memory_order_relaxed);
  if (thread == 0) {
    own.handle.store(pthread_self(), std::memory_order_relaxed);
    if (here != callers_processor_.load(std::memory_order_relaxed)) {
      std::unique_lock<std::mutex> lock(moving_, std::try_to_lock);
      if (lock.owns_lock()) keep_workers_off(here);
    }
  }
  own.has_ranges.store(true, std::memory_order_release);
}

void ThreadPlaces::end_ranges(int thread) {
  places_[static_cast<size_t>(thread)].has_ranges.store(false, std::memory_order_release);
}

ProcessorSet ThreadPlaces::home() const {
  const int callers = callers_processor_.load();
  return callers < 0 ? allowed_ : allowed_ & ~only(callers);
}

void ThreadPlaces::keep_workers_off(int processor) {
  callers_processor_.store(processor);
  const ProcessorSet others = home();
  for (size_t worker = 1; worker < places_.size(); ++worker) {
    const pthread_t handle = places_[worker].handle.load();
    if (handle != pthread_t{}) confine(handle, others);
  }
}

void ThreadPlaces::make_room(int thread) {
  if (!apart_) return;
  const int here = current_processor();
  std::unique_lock<std::mutex> lock(moving_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  for (size_t other = 0; other < places_.size(); ++other) {
    Place& late = places_[other];
    if (static_cast<int>(other) == thread || !late.has_ranges.load(std::memory_order_acquire)) continue;
    // One that is here already has the processor as soon as this thread sleeps.
    if (late.processor.load(std::memory_order_relaxed) == here) continue;
    const pthread_t handle = late.handle.load(std::memory_order_relaxed);
    if (!stands_still(handle)) continue;
    late.away.store(other > 0);
    confine(handle, only(here));
    if (other == 0) {
      confine(handle, allowed_);
      keep_workers_off(here);
    }
    return;
  }
}

void ThreadPlaces::return_home(int worker) {
  Place& own = places_[static_cast<size_t>(worker)];
  if (!own.away.load(std::memory_order_relaxed)) return;
  std::unique_lock<std::mutex> lock(moving_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // the worker comes by again
  own.away.store(false);
  confine(pthread_self(), home());
}

}  // namespace anec
