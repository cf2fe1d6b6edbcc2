// One operand of a matrix product, cut into panels: what a tile reads of it, where it lies and how it is
// packed.

#pragma once

#include <utility>

#include "anec/gemm.h"

namespace anec {

// One operand as the tiles see it: items are rows of op(a) or columns of op(b).
struct Side {
  const float* data;
  int64_t items;
  int64_t item_stride, k_stride;
  int width = 0;          // of a panel
  int64_t panel_count = 0;
  bool in_place = false;
  bool is_rows = false;

  void cut_into_panels(int panel_width) {
    width = panel_width;
    panel_count = ceil_div(items, width);
  }
  int64_t panels() const { return panel_count; }
  int64_t padded() const { return panel_count * width; }
  // The last two panels of rows are of about equal size: a tile of few rows is slow.
  int64_t first(int64_t panel) const {
    const bool splits = is_rows && panel > 0 && panel == panels() - 1;
    return splits ? items - (items - (panel - 1) * width) / 2 : panel * width;
  }
  int64_t count(int64_t panel) const {
    return (panel + 1 < panels() ? first(panel + 1) : items) - first(panel);
  }
  // The first panels, which are all full and as wide as the kernel's tile.
  int64_t whole_panels() const { return items % width == 0 ? panels() : panels() - (is_rows ? 2 : 1); }
  const float* at(int64_t panel, int64_t k) const {
    return data + first(panel) * item_stride + k * k_stride;
  }
  // `panels` panels, one after the other.
  void pack(const MicroKernel& kernel, int64_t panel, int64_t panels, int64_t k0, int64_t kc,
            float* to) const {
    for (const int64_t end = panel + panels; panel < end;) {
      int64_t next = panel + 1, items = count(panel);
      while (next < end && items % width == 0 && count(next) == width) {
        items += width;
        ++next;
      }
      kernel.pack(at(panel, k0), item_stride, k_stride, items, kc, width, to);
      to += (next - panel) * kc * width;
      panel = next;
    }
  }
};

// The panel of columns that a thread has packed for its next tiles, in the second of two places or the first.
struct Prepared {
  int64_t panel = -1, k = -1;
  bool second = false;
};

// Which parts of the shared side a thread has packed for itself.
struct alignas(64) OwnCopy {
  uint64_t parts = 0;
  Prepared prepared;
  // Says it once for each part, below 64.
  bool lacks(int64_t part) {
    const uint64_t before = std::exchange(parts, parts | uint64_t{1} << part);
    return before != parts;
  }
};

}  // namespace anec
