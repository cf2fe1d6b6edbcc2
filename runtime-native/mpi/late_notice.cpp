// The thread that waits beside MPI, and its line: machine and number of the process tell the ranks apart.

#include "mpi/late_notice.h"

#include <unistd.h>

#include <array>
#include <string>

namespace anec {
namespace {

// Every rank that waits says so, and by which processes have spoken one sees which has not.
void say(std::chrono::milliseconds waited) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const std::string line = "process " + std::to_string(getpid()) + " on " + host.data() +
                           " has waited " + std::to_string(waited.count() / 1000) +
                           " s for other ranks to join, and waits on\n";
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

LateNotice::LateNotice(std::chrono::milliseconds patience)
    : thread_([this, patience] {
        std::unique_lock lock(mutex_);
        if (!ended_.wait_for(lock, patience, [this] { return has_ended_; })) say(patience);
      }) {}

LateNotice::~LateNotice() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

}  // namespace anec
