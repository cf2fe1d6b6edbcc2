// The processes that `mpirun` started, and what they say to one another.
//
// Every call that waits for others also looks for one that is gone, and fails with E0652 then; so does every call
// after it. Calls may come from several threads, one at a time: MPI is asked for no more than that.

#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anec/ranks.h"
#include "anec/result.h"
#include "mpi/watch.h"

namespace anec {

class World {
 public:
  struct Message {
    int from;
    std::string bytes;
  };

  // Joins the others. Once in a process: MPI cannot be started again. When they let it wait for longer than
  // `patience`, that is said on standard error.
  static Result<std::unique_ptr<World>> open(std::chrono::milliseconds patience);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const std::string& library() const { return library_; }

  // What every rank gave, in their order. All ranks have to call it.
  Result<std::vector<std::string>> gather(std::span<const char> bytes);
  // As `Ranks::all_reduce`.
  Result<void> all_reduce(std::span<const RankPart> parts);
  const Ranks& table() const { return table_; }

  // To one rank, in order; the receiver asks for it. Neither waits.
  Result<void> send(int to, std::span<const char> bytes);
  Result<std::optional<Message>> receive();

  // Leaves, when all ranks do; not after one was lost.
  void close();

 private:
  World() = default;
  Result<void> meet();
  Result<void> finish(std::span<MPI_Request> requests, bool is_busy);
  Result<void> check_lost();
  Error failed(const char* what, int code);
  Result<void> sum(float* values, int64_t count);

  std::mutex mutex_;
  int rank_ = 0, size_ = 1;
  std::string library_;
  Watch watch_;
  Ranks table_{};
  std::optional<Error> failure_;
  bool is_open_ = false;
  // Of `all_reduce`; they grow to the largest sum and stay.
  std::vector<float> packed_, terms_, share_;
  // Messages that are on their way, with the bytes that MPI reads.
  struct Sending {
    std::unique_ptr<std::string> bytes;
    MPI_Request request;
  };
  std::vector<Sending> sending_;
};

}  // namespace anec
