// r = 1 / sqrt(mean(x²) + eps), which rms_norm and its gradients share.

#pragma once

#include "rows.h"

namespace anec::ANEC_LEVEL {

ANEC_INLINE float inverse_rms(const float* x, int64_t n, double eps) {
  return static_cast<float>(1.0 / __builtin_sqrt(row_dot(x, x, n) / static_cast<double>(n) + eps));
}

}  // namespace anec::ANEC_LEVEL
