// Passes over one row of floats, shared by the kernels that work row by row.
//
// Sums run over blocks of 512 in float lanes and add the blocks in double, so they do not lose
// precision with length.

#pragma once

#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

inline constexpr int64_t row_block = 512;

// body(vector index, lanes): lanes is 8, or fewer at the end of the row.
template <class Body>
ANEC_INLINE void each_vector(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) body(i, int64_t{8});
  if (i < end) body(i, end - i);
}

ANEC_INLINE f32x8 load_lanes(const float* from, int64_t lanes, float rest) {
  return lanes == 8 ? load(from) : load_some(from, lanes, rest);
}
ANEC_INLINE void store_lanes(float* to, f32x8 v, int64_t lanes) {
  if (lanes == 8) store(to, v);
  else store_some(to, v, lanes);
}

// NaN if any element is NaN; −inf for an empty row.
ANEC_INLINE float row_max(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  f32x8 most[4] = {all(lowest), all(lowest), all(lowest), all(lowest)};
  i32x8 nan = {};
  const auto take = [&](int which, f32x8 v) __attribute__((always_inline)) {
    most[which] = v > most[which] ? v : most[which];
    nan |= v != v;
  };
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    take(0, load(x + i));
    take(1, load(x + i + 8));
    take(2, load(x + i + 16));
    take(3, load(x + i + 24));
  }
  each_vector(i, n, [&](int64_t at, int64_t lanes) __attribute__((always_inline)) {
    take(0, load_lanes(x + at, lanes, lowest));
  });
  if (any(nan)) return __builtin_nanf("");
  const f32x8 a = most[0] > most[1] ? most[0] : most[1];
  const f32x8 b = most[2] > most[3] ? most[2] : most[3];
  return max_lanes(a > b ? a : b);
}

// Σ term(i, lanes), where term gives 0 in the lanes past the end.
template <class Term>
ANEC_INLINE double row_sum(int64_t n, const Term& term) {
  double total = 0;
  for (int64_t from = 0; from < n; from += row_block) {
    const int64_t to = from + row_block < n ? from + row_block : n;
    f32x8 a = {}, b = {};
    int64_t i = from;
    for (; i + 16 <= to; i += 16) {
      a += term(i, int64_t{8});
      b += term(i + 8, int64_t{8});
    }
    for (; i + 8 <= to; i += 8) a += term(i, int64_t{8});
    if (i < to) a += term(i, to - i);
    total += sum_lanes_f64(a + b);
  }
  return total;
}

// y = exp(x − most) where no x is larger than `most`; gives Σ y. Both pointers may be the same.
ANEC_INLINE double row_exp(const float* x, float most, float* y, int64_t n) {
  return row_sum(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
    const f32x8 e = exp_nonpositive(load_lanes(x + i, lanes, -__builtin_inff()) - most);
    store_lanes(y + i, e, lanes);
    return e;
  });
}

// Σ exp(x − most) where no x is larger than `most`.
ANEC_INLINE double row_exp_sum(const float* x, float most, int64_t n) {
  return row_sum(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
    return exp_nonpositive(load_lanes(x + i, lanes, -__builtin_inff()) - most);
  });
}

ANEC_INLINE double row_dot(const float* x, const float* y, int64_t n) {
  return row_sum(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
    return load_lanes(x + i, lanes, 0) * load_lanes(y + i, lanes, 0);
  });
}

ANEC_INLINE void row_scale(float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

// Rows given to one thread at a time: about 16,384 elements.
ANEC_INLINE int64_t rows_per_range(int64_t n) { return n >= 16384 ? 1 : 16384 / (n > 0 ? n : 1); }

}  // namespace anec::ANEC_LEVEL
