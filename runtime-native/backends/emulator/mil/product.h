// out = round(bias + a · b), the one product behind matmul, linear, convolutions and attention.
//
// In `exact` it is the engine's multiply-accumulate unit, as far as it is published (751K's M6
// study; reproduces ANEForge's device errors on M1 … M6):
//
//   operands  fp16; the exponent 31 is read as a number; e(v) = floor(log2 |v|), at least −14
//   products  dropped if e(x) + e(w) < −16, else rounded to a multiple of 2^-16, halves away from 0
//   sum       starts at the bias rounded to 2^-16; at |sum| >= 2^15, at any time, it is ±inf for
//   good result    rounded to fp16, halves away from zero; −0 becomes +0
//
// A sum of such products is a sum of integers in units of 2^-16, which no order changes unless it
// saturates on the way. So a sum is first bounded by the norms of its operands: below 2^15 it is
// added up in 32-bit lanes, else one product after another.
//
// Quantised activations times quantised weights take another path: 32-bit integers, scaled last.
//
// In `fast` and `ideal` products are summed in fp32, in order.

#pragma once

#include <cstdint>

#include "run.h"

namespace anec::emulator {

// Columns that are computed together.
inline constexpr int64_t kPanel = 16;

struct Product {
  int64_t m, n, k;
  // a(i, k) = a[i · a_row + k · a_column]
  const float* a;
  int64_t a_row, a_column;
  // Writes b(·, j .. j + count) as [k, kPanel] cells; columns behind `count` are zeros already.
  void (*pack)(const void* b, int64_t j, int64_t count, float* panel);
  const void* b;
  // Null, or bias[i] for each row, or bias[j] for each column.
  const float* bias;
  bool bias_by_row;
  // out(i, j) = out[i · out_row + j]
  float* out;
  int64_t out_row;
  ElementType type;  // of the operands and the result
  // In `exact`: cells of a and b are int32, whose products are summed as integers and then scaled.
  const struct IntegerFactors* integers = nullptr;
};

// result(i, j) = a_scale · b_scale · Σ (a − a_shift) · (b − b_shift) + bias; the scale of one side
// may be a list: of a for each row, of b for each column.
struct IntegerFactors {
  const float* a_scale;
  const float* b_scale;
  bool a_by_row, b_by_column;
  int32_t a_shift, b_shift;
};

// Bytes of scratch for each thread.
int64_t product_scratch(int64_t k);

void multiply(const Run& run, const Product& product);

// Sums of so many products of 8-bit integers stay within 32 bits.
inline constexpr int64_t kMostIntegers = 32767;

// b(k, j) = data[k · row + j · column]
struct StridedPanels {
  const float* data;
  int64_t k, row, column;
};
void pack_strided(const void* panels, int64_t j, int64_t count, float* panel);

}  // namespace anec::emulator
