// Notices that a process of a run is gone.
//
// MPI does not tell: a message that never comes is waited for without end. So each rank holds a connection to
// rank 0, which says nothing and ends when the process at its other end does, however that ended. Whoever waits
// for a message looks at it in between. Rank 0 tells the others which one it was; a connection to rank 0 that
// ends without a word was rank 0 itself.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "anec/result.h"

namespace anec {

// Where rank 0 listens, and a secret that keeps strangers out.
struct Meeting {
  std::array<char, 1024> addresses{};  // of rank 0, with blanks in between
  int32_t port = 0;
  std::array<unsigned char, 16> secret{};
};

class Watch {
 public:
  Watch() = default;
  ~Watch() { close(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Rank 0 listens, for processes of this machine alone if `is_local`.
  Result<Meeting> listen(bool is_local);
  // Rank 0 then waits for the others, which call `join`.
  Result<void> accept(const Meeting& meeting, int size);
  Result<void> join(const Meeting& meeting, int rank);

  // The rank that is gone, or -1. Never waits.
  int lost();
  // From here on a connection that ends means nothing.
  void leave();
  void close();

 private:
  Result<void> admit(int connection, const Meeting& meeting);
  void tell(int rank);

  int listener_ = -1;
  std::vector<int> connections_;  // by rank on rank 0, where its own is -1; else the one to rank 0
  bool is_first_ = false, has_left_ = false;
  std::vector<bool> leaving_;
  int lost_ = -1;
};

}  // namespace anec
