// The end of the kernels that compute a loss: what the rows lost becomes one number.

#pragma once

#include <cstdint>

#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

// loss = mean of losses [rows] (+ loss): in double, one row after another, so that the order is fixed.
inline void store_mean_loss(const double* losses, int64_t rows, bool add, float* loss) {
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) sum += losses[row];
  const double mean = rows == 0 ? 0.0 : sum / static_cast<double>(rows);
  loss[0] = static_cast<float>(mean) + (add ? loss[0] : 0.0f);
}

}  // namespace anec::ANEC_LEVEL
