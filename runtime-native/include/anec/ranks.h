// Other processes that train the same model, as a session uses them: the sum of gradients over all of them.
//
// Whoever connects the processes (runtime-native/mpi) hands over a table of functions, so that the runtime is
// built and runs without a library for messages. A session is given its table once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anec/kernel.h"
#include "anec/result.h"

namespace anec {

// Some numbers of a sum.
struct RankPart {
  float* values;
  int64_t count;
};

// Why a sum could not be made, as in `Error`; each text with a zero at its end.
struct RankFailure {
  char code[8];
  char message[256];
  char detail[256];
};

// The table. Both sides of it are built from this file; `version` tells them apart where they were not.
struct Ranks {
  static constexpr int64_t current = 1;
  int64_t version;
  void* self;
  // Replaces the parts by their sums over all ranks. Every rank gets the same bits: the terms are added in the
  // order of the ranks. All ranks have to ask for the same sums in the same order. False after a failure.
  bool (*all_reduce)(void* self, const RankPart* parts, int count, RankFailure* failure);
};

// all_reduce: f32 g… → the same, summed over the ranks; ints: the elements of each. It has no function: the
// session runs it.
std::span<const Kernel* const> rank_kernels();
bool is_rank_command(const Kernel& kernel);

Result<void> run_rank_command(const Ranks& ranks, std::span<void* const> operands, const int64_t* counts);

}  // namespace anec
