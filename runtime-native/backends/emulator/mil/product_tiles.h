// The inner loops of `multiply`, for the processor at hand.

#pragma once

#include <cstdint>

namespace anec::emulator {

// What the exact loop reads of an element of a. Panels of b hold w · 2^16.
struct Multiplier {
  float size;       // |x|
  float threshold;  // 2^-e(x): products with |w · 2^16| below it are dropped; 0 if none can be
  uint32_t sign;    // the sign bit of x
};

// Norms of the sizes of a row or column, to bound Σ |x · w|. In fp32 they are right to K · 2^-24.
struct Norms {
  float sum = 0, largest = 0, squares = 0;
};

struct Tiles {
  const char* name;
  // Fills multipliers from k fp16 numbers; infinities and NaN are read as numbers.
  Norms (*prepare_row)(int64_t k, const float* row, Multiplier* out);
  // Makes a panel [k, 16] of fp16 numbers what `exact` wants, in place; norms of its columns.
  void (*prepare_panel)(int64_t k, float* panel, Norms* columns);
  // out[2][16] = Σ over k of the rounded products of two rows with a panel, in units of 2^-16.
  void (*exact)(int64_t k, const Multiplier* a0, const Multiplier* a1, const float* panel,
                int32_t* out);
  // out[4][16] = Σ over k of a[r][k] · panel[k]
  void (*single)(int64_t k, const float* const* a, const float* panel, float* out);
};

// The best loops that this processor can run, or the portable ones.
const Tiles& tiles(bool portable = false);

}  // namespace anec::emulator
