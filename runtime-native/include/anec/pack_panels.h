// Copying items of a matrix into panels [kc, W], for the inner loops of the matrix product.
//
// Items that lie side by side are copied row by row, others are transposed. The last panel is padded with
// zeros.

#pragma once

#include <cstdint>
#include <cstring>

#include "anec/simd.h"
#include "anec/transpose.h"

namespace anec::ANEC_LEVEL {
namespace {

// Panels that lie side by side in rows: `G` at a time, so that whole lines of memory are read.
template <int W, int G>
void copy_whole(const float* src, int64_t k_stride, int64_t kc, float* panel) {
  for (int64_t k = 0; k < kc; ++k) {
    const float* from = src + k * k_stride;
    __builtin_prefetch(from + 8 * k_stride);
    __builtin_prefetch(from + 8 * k_stride + G * W - 1);
    for (int g = 0; g < G; ++g)
      std::memcpy(panel + (g * kc + k) * W, from + g * W, sizeof(float) * W);
  }
}

template <int W>
void copy_panels(const float* src, int64_t k_stride, int64_t count, int64_t kc, float* panel) {
  constexpr int group = W < 16 ? 4 : 1;
  for (; count >= group * W; count -= group * W, src += group * W, panel += group * W * kc)
    copy_whole<W, group>(src, k_stride, kc, panel);
  for (; count >= W; count -= W, src += W, panel += W * kc)
    copy_whole<W, 1>(src, k_stride, kc, panel);
  if (count == 0) return;
  std::memset(panel, 0, sizeof(float) * W * kc);
  for (int64_t k = 0; k < kc; ++k) {
    for (int64_t i = 0; i < count; ++i) panel[k * W + i] = src[k * k_stride + i];
  }
}

// Items `g` .. `g + width` (at most 8) of the panel, eight values of k at a time.
template <int W, int Width>
ANEC_INLINE void transpose_group(const float* src, int64_t item_stride, int64_t count, int64_t kc,
                                 float* panel) {
  int64_t k = 0;
  for (; k + 8 <= kc; k += 8) {
    f32x8 r[8];
    for (int i = 0; i < 8; ++i)
      r[i] = i < Width && i < count ? load(src + i * item_stride + k) : f32x8{};
    transpose(r);
    for (int j = 0; j < 8; ++j) std::memcpy(panel + (k + j) * W, &r[j], sizeof(float) * Width);
  }
  for (; k < kc; ++k) {
    for (int i = 0; i < Width; ++i) panel[k * W + i] = i < count ? src[i * item_stride + k] : 0.0f;
  }
}

template <int W>
void transpose_panel(const float* src, int64_t item_stride, int64_t count, int64_t kc,
                     float* panel) {
  constexpr int whole = W / 8 * 8, rest = W - whole;
  for (int g = 0; g < whole; g += 8)
    transpose_group<W, 8>(src + g * item_stride, item_stride, count - g, kc, panel + g);
  if constexpr (rest > 0)
    transpose_group<W, rest>(src + whole * item_stride, item_stride, count - whole, kc, panel + whole);
}

template <int W>
void pack_width(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
                float* panel) {
  if (item_stride == 1) {
    copy_panels<W>(src, k_stride, count, kc, panel);
    return;
  }
  for (; count > 0; count -= W, src += W * item_stride, panel += W * kc)
    transpose_panel<W>(src, item_stride, count < W ? count : W, kc, panel);
}

}  // namespace
}  // namespace anec::ANEC_LEVEL
