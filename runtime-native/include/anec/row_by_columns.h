// A row times bᵀ: what the inner loops of every instruction set share.

#pragma once

#include "anec/gemm.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

// c[j] = Σ_k a[k] · b[j, k]: one dot product per row of b.
inline void row_by_columns(const GemmShape& s, const float* a, const float* b, float* c, int64_t begin,
                           int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    const float* row = b + j * s.ldb;
    f32x8 s0 = {}, s1 = {}, s2 = {}, s3 = {};
    int64_t k = 0;
    for (; k + 32 <= s.k; k += 32) {
      s0 += load(a + k) * load(row + k);
      s1 += load(a + k + 8) * load(row + k + 8);
      s2 += load(a + k + 16) * load(row + k + 16);
      s3 += load(a + k + 24) * load(row + k + 24);
    }
    float sum = sum_lanes((s0 + s1) + (s2 + s3));
    for (; k < s.k; ++k) sum += a[k] * row[k];
    c[j] = s.alpha * sum + (s.add ? c[j] : 0.0f);
  }
}

}  // namespace anec::ANEC_LEVEL
