// The gradient of attention where all probabilities of a head fit the cache: each is computed once.
//
// A job is a query head. It keeps p and ds of the whole head, [S, T] each, and gives dq and its share
// of dk and dv. Where several query heads read one key head, the shares are added up afterwards, in
// the order of the heads.

#pragma once

#include "attention.h"

namespace anec::ANEC_LEVEL {

struct AttentionOperands {
  Heads q, k, v, dout, dq, dk, dv;
};

inline constexpr int64_t most_whole_scores = 256 * 256;

inline bool fits_whole(int64_t queries, int64_t keys) {
  return (Count(queries) * Count(keys)).n <= most_whole_scores;
}

inline Count whole_shared_scratch(int64_t heads, int64_t key_heads, int64_t keys, int64_t e) {
  return heads == key_heads ? Count(0) : Count(heads) * Count(keys) * Count(e) * 2;
}

inline Count whole_thread_scratch(int64_t queries, int64_t keys, int64_t e) {
  return Count(queries) * Count(keys) * 2 + attention_scratch(keys, e) +
         Count(gemm_serial_floats(query_block, e, queries));
}

// p, ds and dq of one head.
inline void whole_head_rows(const Call& call, const Attention& a, const AttentionOperands& x,
                            int64_t h, float* p, float* ds, float* pack) {
  const int64_t kh = a.key_head(h);
  for (int64_t s0 = 0; s0 < a.queries; s0 += query_block) {
    const int64_t rows = std::min(query_block, a.queries - s0);
    const int64_t width = a.visible(s0 + rows - 1);
    // A block of keys that some of these rows see may reach beyond what all of them see.
    const int64_t reach = std::min(a.keys, width + query_block);
    score_block(call, a, x.q.at(h, s0), x.q.row, x.k.at(kh, 0), x.k.row, rows, width, a.scale,
                p + s0 * a.keys, a.keys, pack);
    score_block(call, a, x.dout.at(h, s0), x.dout.row, x.v.at(kh, 0), x.v.row, rows, width, 1.0f,
                ds + s0 * a.keys, a.keys, pack);
    for (int64_t s = s0; s < s0 + rows; ++s) {
      float *pi = p + s * a.keys, *di = ds + s * a.keys;
      const int64_t visible = a.visible(s), whole = std::min((visible + 7) / 8 * 8, reach);
      normalise(pi, visible, reach);
      for (int64_t t = visible; t < reach; ++t) di[t] = 0;
      const float delta = static_cast<float>(row_dot(pi, di, whole));
      each_vector(0, whole, [&](int64_t t, int64_t lanes) __attribute__((always_inline)) {
        const f32x8 p = load_lanes(pi + t, lanes, 0), dp = load_lanes(di + t, lanes, 0);
        store_lanes(di + t, a.scale * p * (dp - delta), lanes);
      });
    }
    gemm_serial(call.simd, product(rows, a.e, width, a.keys, x.k.row, x.dq.row, 1.0f),
                ds + s0 * a.keys, x.k.at(kh, 0), x.dq.at(h, s0), pack);
  }
}

// One head's share of dk and dv: dk = dsᵀ · q and dv = pᵀ · do, by blocks of keys. Queries before the
// block of queries in which a block of keys is first seen have no probabilities for it.
inline void whole_head_columns(const Call& call, const Attention& a, const AttentionOperands& x,
                               int64_t h, const float* p, const float* ds, Heads dk, Heads dv,
                               int64_t to, float* pack) {
  for (int64_t t0 = 0; t0 < a.keys; t0 += query_block) {
    const int64_t columns = std::min(query_block, a.keys - t0);
    const int64_t seen = a.causal ? std::max<int64_t>(0, t0 - (a.keys - a.queries)) : 0;
    const int64_t s0 = seen / query_block * query_block;
    GemmShape shape = product(columns, a.e, a.queries - s0, a.keys, x.dout.row, dv.row, 1.0f);
    shape.trans_a = true;
    gemm_serial(call.simd, shape, p + s0 * a.keys + t0, x.dout.at(h, s0), dv.at(to, t0), pack);
    shape.ldb = x.q.row;
    shape.ldc = dk.row;
    gemm_serial(call.simd, shape, ds + s0 * a.keys + t0, x.q.at(h, s0), dk.at(to, t0), pack);
  }
}

inline void whole_attention_grad(const Call& call, const Attention& a, const AttentionOperands& x) {
  const bool direct = a.heads == a.key_heads;
  const int64_t size = a.keys * a.e, group = a.heads / a.key_heads;
  const Heads dk = direct ? x.dk : Heads{call.shared, size, a.e};
  const Heads dv = direct ? x.dv : Heads{call.shared + a.heads * size, size, a.e};
  call.pool.parallel_for(a.heads, 1, [&](int64_t begin, int64_t end, int thread) {
    float *p = call.scratch(thread), *ds = p + a.queries * a.keys, *pack = ds + a.queries * a.keys;
    for (int64_t h = begin; h < end; ++h) {
      whole_head_rows(call, a, x, h, p, ds, pack);
      whole_head_columns(call, a, x, h, p, ds, dk, dv, h, pack);
    }
  });
  if (direct) return;
  call.pool.parallel_for(a.key_heads * a.keys, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t kh = item / a.keys, t = item % a.keys;
      float *to_k = x.dk.at(kh, t), *to_v = x.dv.at(kh, t);
      for (int64_t j = 0; j < a.e; ++j) {
        float sum_k = 0, sum_v = 0;
        for (int64_t h = kh * group; h < (kh + 1) * group; ++h) {
          sum_k += dk.at(h, t)[j];
          sum_v += dv.at(h, t)[j];
        }
        to_k[j] = sum_k;
        to_v[j] = sum_v;
      }
    }
  });
}

}  // namespace anec::ANEC_LEVEL
