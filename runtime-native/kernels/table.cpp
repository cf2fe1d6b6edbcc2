// The kernels of one instruction set: a literal list.

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

#define ANEC_KERNELS(X)                                                                          \
  X(matmul) X(elementwise) X(reduce) X(copy) X(softmax) X(softmax_grad) X(rms_norm)              \
  X(rms_norm_grad_x) X(rms_norm_grad_w) X(rope) X(attention) X(attention_grad)                   \
  X(attention_cached) X(cross_entropy) X(cross_entropy_grad) X(cross_entropy_both) X(embedding)  \
  X(embedding_grad) X(update_rows) X(fill) X(scale) X(sum_squares) X(sanitize) X(adamw) X(lion)  \
  X(sgd) X(perturb) X(perturb_stream) X(rowwise)

#define ANEC_DECLARE(name) namespace name { extern const Kernel kernel; }
#define ANEC_ENTRY(name) &name::kernel,
ANEC_KERNELS(ANEC_DECLARE)

std::span<const Kernel* const> kernels() {
  static constexpr const Kernel* list[] = {ANEC_KERNELS(ANEC_ENTRY)};
  return list;
}

}  // namespace anec::ANEC_LEVEL
