// Where the elements of a port lie in its surface.
//
// A port [N, C, H, W] of element size e is stored row by row, each row at a multiple of 64 bytes:
//
//     row stride   = W · e rounded up to 64        (fact: row_stride)
//     plane stride = H · row stride
//     batch stride = C · plane stride
//
// A surface has room for N batch strides, rounded up to whole pages of 16 KiB. Where a compiled
// program says its own strides, those are taken instead.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anec/result.h"

namespace anec::ane {

enum class ElementType { fp16, fp32 };

inline constexpr int64_t row_alignment = 64;
inline constexpr int64_t page_bytes = 16384;
inline constexpr int64_t largest_surface = int64_t{1} << 40;

inline int64_t size_of(ElementType type) { return type == ElementType::fp16 ? 2 : 4; }
inline int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

struct Layout {
  ElementType type = ElementType::fp16;
  int64_t batches = 1, channels = 1, height = 1, width = 1;
  int64_t row_stride = 0, plane_stride = 0, batch_stride = 0;  // bytes

  // The layout of a port of this shape; ranks below four get leading ones.
  static Result<Layout> of(ElementType type, const std::vector<int64_t>& shape);

  int64_t rows() const { return batches * channels * height; }
  int64_t elements() const { return rows() * width; }
  int64_t bytes() const { return batches * batch_stride; }
  // What a surface for this layout allocates.
  int64_t allocated() const {
    const int64_t needed = round_up(bytes(), page_bytes);
    return needed < page_bytes ? page_bytes : needed;
  }
  // Byte at which row (n · C + c) · H + h starts.
  int64_t row_offset(int64_t row) const {
    const int64_t h = row % height, plane = row / height;
    return plane / channels * batch_stride + plane % channels * plane_stride + h * row_stride;
  }
  // Rows do not overlap, and every one lies within `bytes()`.
  bool is_sound() const;

  std::string text() const;  // "fp16 [1, 4, 1, 4], rows of 64 bytes"
  friend bool operator==(const Layout&, const Layout&) = default;
};

}  // namespace anec::ane
