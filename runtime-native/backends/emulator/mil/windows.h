// Sliding windows over images: convolutions and pools share how far they reach.

#pragma once

#include "call.h"

namespace anec::emulator {

// One spatial dimension: its size, the window's, and how the window moves.
struct WindowAxis {
  int64_t size = 1, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;

  int64_t reach() const { return (kernel - 1) * dilation + 1; }
  // ⌊(size + padding − reach) / stride⌋ + 1; below 1 if no window fits.
  int64_t count() const {
    const int64_t room = size + before + after - reach();
    return room < 0 ? 0 : room / stride + 1;
  }
};

// The spatial dimensions of x, from dimension 2 on; three, of which the first ones may be 1.
struct Windows {
  std::vector<WindowAxis> axes;
};

bool windows_of(Call& c, const Operand& x, const Shape& kernel, Windows& out);

// `axes` with dimensions of one element before them, three in all.
void three_axes(const std::vector<WindowAxis>& axes, WindowAxis out[3]);

}  // namespace anec::emulator
