// The command that sums gradients over the ranks: its size rule, and how it is run.

#include "anec/ranks.h"

namespace anec {
namespace {

// Counts of messages are 32 bits wide.
constexpr int64_t most_elements = int64_t{1} << 30;

void describe_sum(Shape& s) {
  for (int i = 0; i < s.operands(); ++i) {
    const int64_t n = s.positive("n");
    s.require(n <= most_elements, "n is " + std::to_string(n) + ", above 2^30");
    s.operand(i, DType::f32, n);
  }
}

constexpr Kernel sum_kernel{"all_reduce", describe_sum, nullptr};

}  // namespace

std::span<const Kernel* const> rank_kernels() {
  static constexpr const Kernel* list[] = {&sum_kernel};
  return list;
}

bool is_rank_command(const Kernel& kernel) { return &kernel == &sum_kernel; }

Result<void> run_rank_command(const Ranks& ranks, std::span<void* const> operands,
                              const int64_t* counts) {
  RankPart parts[max_operands];
  int count = 0;
  for (void* operand : operands) {
    parts[count] = {static_cast<float*>(operand), counts[count]};
    ++count;
  }
  RankFailure failure{};
  if (ranks.all_reduce(ranks.self, parts, count, &failure)) return {};
  return Error{failure.code, failure.message, failure.detail};
}

}  // namespace anec
