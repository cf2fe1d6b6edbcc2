// copy: out = in (+ out) between two strided views of one shape; elements are any four bytes.
//
// After merging axes, two cases are left. If the last axis is contiguous on both sides, rows are
// copied whole. Otherwise the axis along which `in` is contiguous is exchanged with the last one in
// tiles of 32 x 32: a transpose.

#include <cstring>

#include "anec/kernel.h"
#include "anec/transpose.h"
#include "walk.h"

namespace anec::ANEC_LEVEL::copy {
namespace {

constexpr int64_t tile = 32;
using Pair = Walk<2>;

void describe(Shape& s) {
  const int64_t rank = s.choice("rank", max_rank + 1);
  Shape::Axis in[max_rank], out[max_rank];
  for (int64_t d = 0; d < rank; ++d) in[d].size = out[d].size = s.dim("shape");
  for (int64_t d = 0; d < rank; ++d) in[d].stride = s.dim("inStride");
  for (int64_t d = 0; d < rank; ++d) out[d].stride = s.dim("outStride");
  const int64_t write = s.choice("write", write_modes);
  for (int64_t d = 0; d < rank; ++d)
    s.require(out[d].size <= 1 || out[d].stride > 0, "outStride is 0 along an axis longer than 1");
  const std::span<const Shape::Axis> in_axes(in, rank), out_axes(out, rank);
  s.operand_4_bytes(0, Shape::reach(in_axes), write != 0);
  s.operand_4_bytes(1, Shape::reach(out_axes), write != 0);
}

ANEC_INLINE void move(const float* from, float* to, bool add) {
  if (add) *to += *from;
  else std::memcpy(to, from, sizeof(float));
}

void copy_rows(const Call& call, const Pair& w, const float* in, float* out, bool add) {
  const int last = w.rank - 1;
  const int64_t n = w.shape[last], rows = w.count(last);
  const int64_t si = w.strides[0][last], so = w.strides[1][last];
  const int64_t pieces = (n + 16383) / 16384;  // of a row
  const int64_t piece = (n + pieces - 1) / pieces;
  call.pool.parallel_for(rows * pieces, 1 + 16384 / piece, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / pieces, i0 = item % pieces * piece;
      const int64_t size = n - i0 < piece ? n - i0 : piece;
      if (size <= 0) continue;
      const float* from = in + w.offset(0, row, last) + i0 * si;
      float* to = out + w.offset(1, row, last) + i0 * so;
      if (si == 1 && so == 1 && !add) {
        std::memmove(to, from, sizeof(float) * size);
      } else if (si == 1 && so == 1) {
        ANEC_IVDEP
        for (int64_t i = 0; i < size; ++i) to[i] += from[i];
      } else {
        for (int64_t i = 0; i < size; ++i) move(from + i * si, to + i * so, add);
      }
    }
  });
}

// to[i, j] = from[j, i] (+ to) for a square of 8, with row strides of their own.
ANEC_INLINE void transpose_square(const float* from, int64_t from_row, float* to, int64_t to_row,
                                  bool add) {
  f32x8 r[8];
  for (int j = 0; j < 8; ++j) r[j] = load(from + j * from_row);
  transpose(r);
  for (int i = 0; i < 8; ++i) {
    float* row = to + i * to_row;
    store(row, add ? load(row) + r[i] : r[i]);
  }
}

// The last two axes, of sizes [a, b]; `in` is contiguous along a, `out` along b.
void copy_tiles(const Call& call, const Pair& w, const float* in, float* out, bool add) {
  const int axes = w.rank - 2;
  const int64_t a = w.shape[axes], b = w.shape[axes + 1];
  const int64_t ia = w.strides[0][axes], ib = w.strides[0][axes + 1];
  const int64_t oa = w.strides[1][axes], ob = w.strides[1][axes + 1];
  const int64_t ta = (a + tile - 1) / tile, tb = (b + tile - 1) / tile;
  call.pool.parallel_for(w.count(axes) * ta * tb, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t block = item / (ta * tb), i0 = item / tb % ta * tile, j0 = item % tb * tile;
      const int64_t i1 = i0 + tile < a ? i0 + tile : a, j1 = j0 + tile < b ? j0 + tile : b;
      const float* from = in + w.offset(0, block, axes);
      float* to = out + w.offset(1, block, axes);
      // Whole squares of 8 first, where both sides are contiguous; then what they leave.
      const bool squares = ia == 1 && ob == 1;
      const int64_t is = squares ? i0 + (i1 - i0) / 8 * 8 : i0;
      const int64_t js = squares ? j0 + (j1 - j0) / 8 * 8 : j0;
      for (int64_t j = j0; j < js; j += 8) {
        for (int64_t i = i0; i < is; i += 8)
          transpose_square(from + i + j * ib, ib, to + i * oa + j, oa, add);
      }
      for (int64_t i = i0; i < i1; ++i) {
        for (int64_t j = i < is ? js : j0; j < j1; ++j)
          move(from + i * ia + j * ib, to + i * oa + j * ob, add);
      }
    }
  });
}

Fault run(const Call& call) {
  const int64_t* at = call.ints;
  Pair w;
  w.rank = static_cast<int>(*at++);
  w.arrays = 2;
  for (int d = 0; d < w.rank; ++d) w.shape[d] = *at++;
  for (int i = 0; i < 2; ++i) {
    for (int d = 0; d < w.rank; ++d) w.strides[i][d] = *at++;
  }
  const bool add = call.adds(*at);
  const float* in = call.f32(0);
  float* out = call.f32(1);
  if (w.count(w.rank) == 0) return {};
  Pair::simplify(w);

  // Bring the axis along which `in` is contiguous next to the last one.
  const int last = w.rank - 1;
  int contiguous = last;
  for (int d = 0; d < last && w.strides[0][last] != 1; ++d) {
    if (w.strides[0][d] == 1) contiguous = d;
  }
  if (contiguous == last) {
    copy_rows(call, w, in, out, add);
    return {};
  }
  for (int d = contiguous; d + 1 < last; ++d) w.exchange_with_next(d);
  copy_tiles(call, w, in, out, add);
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"copy", describe, run};

}  // namespace anec::ANEC_LEVEL::copy
