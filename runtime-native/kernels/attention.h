// What the attention kernels share: strided heads, the causal rule, and rows of probabilities.
//
// Query s of S sees keys t <= s + (T − S) when causal, all T keys otherwise. Query head h reads key
// head h / (H / K).

#pragma once

#include <algorithm>

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL {

inline constexpr int64_t query_block = 64;

// [heads, rows, E] anywhere in memory; rows of E are contiguous.
struct Heads {
  float* data;
  int64_t head, row;  // strides
  float* at(int64_t h, int64_t r) const { return data + h * head + r * row; }
};

struct Attention {
  int64_t heads, key_heads, queries, keys, e;
  bool causal;
  float scale;

  int64_t key_head(int64_t h) const { return h / (heads / key_heads); }
  // How many keys query s sees.
  int64_t visible(int64_t s) const {
    return causal ? std::min(keys, s + keys - queries + 1) : keys;
  }
};

ANEC_INLINE GemmShape product(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc,
                              float alpha) {
  return GemmShape{m, n, k, false, false, lda, ldb, ldc, alpha, false};
}

// scores[i, t] = scale · q[s0 + i] · k[t] for i < rows, t0 <= t < t1; row stride ld.
ANEC_INLINE void score_block(const Call& call, const Attention& a, const float* q, int64_t q_row,
                             const float* k, int64_t k_row, int64_t rows, int64_t columns,
                             float scale, float* scores, int64_t ld, float* pack) {
  GemmShape shape = product(rows, columns, a.e, q_row, k_row, ld, scale);
  shape.trans_b = true;
  gemm_serial(call.simd, shape, q, k, scores, pack);
}

struct RowStats {
  float most, over_sum;
};

// Turns the first `visible` scores of a row into probabilities and the rest into zeros.
ANEC_INLINE RowStats normalise(float* row, int64_t visible, int64_t width) {
  // Whole vectors: what is not seen has probability exp(−∞) = 0.
  const int64_t whole = std::min((visible + 7) / 8 * 8, width);
  for (int64_t t = visible; t < whole; ++t) row[t] = -__builtin_inff();
  const float most = row_max(row, whole);
  const double sum = row_exp(row, most, row, whole);
  const float over_sum = static_cast<float>(1.0 / sum);
  row_scale(row, over_sum, whole);
  for (int64_t t = whole; t < width; ++t) row[t] = 0;
  return {most, over_sum};
}

// o = softmax(scale · q · kᵀ) · v for every head, by blocks of queries. Per-thread scratch:
// a block of scores [64, T] and room to pack.
inline Count attention_scratch(int64_t keys, int64_t e) {
  return Count(query_block) * Count(keys) + Count(gemm_serial_floats(query_block, keys, e)) +
         Count(gemm_serial_floats(query_block, e, keys));
}

inline void attend(const Call& call, const Attention& a, Heads q, Heads k, Heads v, Heads o) {
  const int64_t blocks = (a.queries + query_block - 1) / query_block;
  call.pool.parallel_for(a.heads * blocks, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      // The last block sees the most keys: long jobs first.
      const int64_t h = item % a.heads, s0 = (blocks - 1 - item / a.heads) * query_block;
      const int64_t rows = std::min(query_block, a.queries - s0);
      const int64_t width = a.visible(s0 + rows - 1), kh = a.key_head(h);
      float *scores = call.scratch(thread), *pack = scores + query_block * a.keys;
      score_block(call, a, q.at(h, s0), q.row, k.at(kh, 0), k.row, rows, width, a.scale, scores,
                  width, pack);
      for (int64_t i = 0; i < rows; ++i)
        normalise(scores + i * width, a.visible(s0 + i), width);
      gemm_serial(call.simd, product(rows, a.e, width, width, v.row, o.row, 1.0f), scores,
                  v.at(kh, 0), o.at(h, s0), pack);
    }
  });
}

}  // namespace anec::ANEC_LEVEL
