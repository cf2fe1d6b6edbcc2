// Index spaces for kernels that read with strides: axes that follow each other in memory are merged,
// so that most walks become one or two axes long.

#pragma once

#include <cstdint>

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

// `Most` arrays walked together. strides[i][d] is the stride of array i along axis d.
template <int Most>
struct Walk {
  int rank = 0, arrays = 0;
  int64_t shape[max_rank] = {};
  int64_t strides[Most][max_rank] = {};

  // Drops axes of size 1 and merges neighbours that every array sees as one.
  static void simplify(Walk& w) {
    int kept = 0;
    for (int d = 0; d < w.rank; ++d) {
      if (w.shape[d] == 1) continue;
      bool merge = kept > 0;
      for (int i = 0; merge && i < w.arrays; ++i)
        merge = w.strides[i][kept - 1] == w.strides[i][d] * w.shape[d];
      if (merge) --kept;
      w.shape[kept] = (merge ? w.shape[kept] : 1) * w.shape[d];
      for (int i = 0; i < w.arrays; ++i) w.strides[i][kept] = w.strides[i][d];
      ++kept;
    }
    w.rank = kept;
    if (kept == 0) {
      w.rank = 1;
      w.shape[0] = 1;
      for (int i = 0; i < w.arrays; ++i) w.strides[i][0] = 0;
    }
  }

  void exchange_with_next(int d) {
    const auto exchange = [](int64_t* pair) {
      const int64_t first = pair[0];
      pair[0] = pair[1];
      pair[1] = first;
    };
    exchange(shape + d);
    for (int i = 0; i < arrays; ++i) exchange(strides[i] + d);
  }

  // Offset of array i at position `index` of the row-major order of axes 0 .. axes.
  int64_t offset(int i, int64_t index, int axes) const {
    int64_t at = 0;
    for (int d = axes - 1; d >= 0; --d) {
      at += index % shape[d] * strides[i][d];
      index /= shape[d];
    }
    return at;
  }

  int64_t count(int axes) const {
    int64_t n = 1;
    for (int d = 0; d < axes; ++d) n *= shape[d];
    return n;
  }
};

}  // namespace anec::ANEC_LEVEL
