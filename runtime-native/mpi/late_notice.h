// Says once, on standard error, that a process is waiting for others.
//
// `MPI_Init` waits for every rank without end and without a word, so a thread of its own says it: one line
// when the others have not come after some seconds, and nothing when they have.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace anec {

class LateNotice {
 public:
  explicit LateNotice(std::chrono::milliseconds patience);
  // The wait is over.
  ~LateNotice();
  LateNotice(const LateNotice&) = delete;
  LateNotice& operator=(const LateNotice&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace anec
