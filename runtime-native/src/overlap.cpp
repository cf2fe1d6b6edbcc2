// A queue for each lane under one mutex. A command that ends makes those ready that waited for it alone.

#include "anec/overlap.h"

#include <algorithm>
#include <cstring>

namespace anec {

Result<std::unique_ptr<Overlap>> Overlap::create(size_t commands, std::span<const Lane> helped) {
  std::unique_ptr<Overlap> overlap(new Overlap());
  overlap->waits_.resize(commands);
  for (Queue& queue : overlap->queues_) queue.ready.reserve(commands);
  for (const Lane lane : helped) {
    auto helper = std::make_unique<Helper>(Helper{overlap.get(), lane, {}});
    if (const int failure = pthread_create(&helper->thread, nullptr, entry, helper.get()))
      return Error{"E0601", "cannot start a thread beside the processor's", std::strerror(failure)};
    overlap->helpers_.push_back(std::move(helper));
  }
  return overlap;
}

Overlap::~Overlap() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  for (Queue& queue : queues_) queue.changed.notify_all();
  for (const auto& helper : helpers_) pthread_join(helper->thread, nullptr);
}

void* Overlap::entry(void* helper) {
  auto* self = static_cast<Helper*>(helper);
  self->overlap->help(self->lane);
  return nullptr;
}

void Overlap::help(Lane lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    queue(lane).changed.wait(lock, [&] { return stop_ || can_start(lane); });
    if (stop_) return;
    run_next(lane, lock);
  }
}

Result<void> Overlap::run(const std::vector<CommandOrder>& order, Work& work) {
  std::unique_lock lock(mutex_);
  order_ = &order;
  work_ = &work;
  left_ = order.size();
  failure_.reset();
  for (size_t i = 0; i < order.size(); ++i) waits_[i] = order[i].waits;
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i].waits == 0) make_ready(static_cast<int>(i));
  while (running_ > 0 || (left_ > 0 && !failure_.has_value())) {
    if (const auto lane = next_of_caller()) run_next(*lane, lock);
    else queue(Lane::host).changed.wait(lock);
  }
  if (failure_.has_value()) return *failure_;
  return {};
}

std::optional<Lane> Overlap::next_of_caller() {
  const bool host = can_start(Lane::host), staging = can_start(Lane::staging);
  if (!host && !staging) return std::nullopt;
  if (!host || !staging) return host ? Lane::host : Lane::staging;
  const int a = queue(Lane::host).ready.front(), b = queue(Lane::staging).ready.front();
  return is_later(a, b) ? Lane::staging : Lane::host;
}

bool Overlap::is_later(int a, int b) const {
  const int rank_a = (*order_)[static_cast<size_t>(a)].rank,
            rank_b = (*order_)[static_cast<size_t>(b)].rank;
  return rank_a != rank_b ? rank_a > rank_b : a > b;
}

void Overlap::make_ready(int command) {
  const Lane lane = (*order_)[static_cast<size_t>(command)].lane;
  Queue& to = queue(lane);
  to.ready.push_back(command);
  std::push_heap(to.ready.begin(), to.ready.end(), [&](int a, int b) { return is_later(a, b); });
  to.changed.notify_one();
  if (lane == Lane::staging) queue(Lane::host).changed.notify_one();
}

void Overlap::run_next(Lane lane, std::unique_lock<std::mutex>& lock) {
  std::vector<int>& ready = queue(lane).ready;
  std::pop_heap(ready.begin(), ready.end(), [&](int a, int b) { return is_later(a, b); });
  const int command = ready.back();
  ready.pop_back();
  queue(lane).busy = true;
  ++running_;
  lock.unlock();
  const Result<void> result = work_->run(command);
  lock.lock();
  --running_;
  queue(lane).busy = false;
  finish(command, result);
  // The thread that took it may not be the one that waits for the next.
  if (!ready.empty()) queue(lane).changed.notify_one();
}

void Overlap::finish(int command, const Result<void>& result) {
  --left_;
  if (!result.ok()) {
    if (!failure_.has_value() || command < failed_) failure_ = result.error(), failed_ = command;
    for (Queue& queue : queues_) queue.ready.clear();
  } else if (!failure_.has_value()) {
    for (const int user : (*order_)[static_cast<size_t>(command)].users)
      if (--waits_[static_cast<size_t>(user)] == 0) make_ready(user);
  }
  if (running_ == 0 && (left_ == 0 || failure_.has_value())) queue(Lane::host).changed.notify_one();
}

}  // namespace anec
