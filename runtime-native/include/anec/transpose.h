// Transposes a square of 8 x 8 floats in registers, for packing and for `copy`.

#pragma once

#include "anec/simd.h"

namespace anec::ANEC_LEVEL {

#if ANEC_LANES >= 8
ANEC_INLINE void transpose(f32x8 r[8]) {
  const f32x8 a0 = __builtin_shufflevector(r[0], r[1], 0, 8, 1, 9, 4, 12, 5, 13);
  const f32x8 a1 = __builtin_shufflevector(r[0], r[1], 2, 10, 3, 11, 6, 14, 7, 15);
  const f32x8 a2 = __builtin_shufflevector(r[2], r[3], 0, 8, 1, 9, 4, 12, 5, 13);
  const f32x8 a3 = __builtin_shufflevector(r[2], r[3], 2, 10, 3, 11, 6, 14, 7, 15);
  const f32x8 a4 = __builtin_shufflevector(r[4], r[5], 0, 8, 1, 9, 4, 12, 5, 13);
  const f32x8 a5 = __builtin_shufflevector(r[4], r[5], 2, 10, 3, 11, 6, 14, 7, 15);
  const f32x8 a6 = __builtin_shufflevector(r[6], r[7], 0, 8, 1, 9, 4, 12, 5, 13);
  const f32x8 a7 = __builtin_shufflevector(r[6], r[7], 2, 10, 3, 11, 6, 14, 7, 15);
  const f32x8 b0 = __builtin_shufflevector(a0, a2, 0, 1, 8, 9, 4, 5, 12, 13);
  const f32x8 b1 = __builtin_shufflevector(a0, a2, 2, 3, 10, 11, 6, 7, 14, 15);
  const f32x8 b2 = __builtin_shufflevector(a1, a3, 0, 1, 8, 9, 4, 5, 12, 13);
  const f32x8 b3 = __builtin_shufflevector(a1, a3, 2, 3, 10, 11, 6, 7, 14, 15);
  const f32x8 b4 = __builtin_shufflevector(a4, a6, 0, 1, 8, 9, 4, 5, 12, 13);
  const f32x8 b5 = __builtin_shufflevector(a4, a6, 2, 3, 10, 11, 6, 7, 14, 15);
  const f32x8 b6 = __builtin_shufflevector(a5, a7, 0, 1, 8, 9, 4, 5, 12, 13);
  const f32x8 b7 = __builtin_shufflevector(a5, a7, 2, 3, 10, 11, 6, 7, 14, 15);
  r[0] = __builtin_shufflevector(b0, b4, 0, 1, 2, 3, 8, 9, 10, 11);
  r[1] = __builtin_shufflevector(b1, b5, 0, 1, 2, 3, 8, 9, 10, 11);
  r[2] = __builtin_shufflevector(b2, b6, 0, 1, 2, 3, 8, 9, 10, 11);
  r[3] = __builtin_shufflevector(b3, b7, 0, 1, 2, 3, 8, 9, 10, 11);
  r[4] = __builtin_shufflevector(b0, b4, 4, 5, 6, 7, 12, 13, 14, 15);
  r[5] = __builtin_shufflevector(b1, b5, 4, 5, 6, 7, 12, 13, 14, 15);
  r[6] = __builtin_shufflevector(b2, b6, 4, 5, 6, 7, 12, 13, 14, 15);
  r[7] = __builtin_shufflevector(b3, b7, 4, 5, 6, 7, 12, 13, 14, 15);
}

#else
// Four squares of 4: eight lanes are two registers here.
typedef float f32x4 __attribute__((vector_size(16)));
ANEC_INLINE void transpose(f32x8 r[8]) {
  f32x8 out[8];
  for (int row = 0; row < 8; row += 4) {
    for (int half = 0; half < 2; ++half) {
      f32x4 v[4];
      for (int i = 0; i < 4; ++i)
        std::memcpy(&v[i], reinterpret_cast<const char*>(&r[row + i]) + 16 * half, 16);
      const f32x4 a0 = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
      const f32x4 a1 = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
      const f32x4 a2 = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
      const f32x4 a3 = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
      v[0] = __builtin_shufflevector(a0, a2, 0, 1, 4, 5);
      v[1] = __builtin_shufflevector(a0, a2, 2, 3, 6, 7);
      v[2] = __builtin_shufflevector(a1, a3, 0, 1, 4, 5);
      v[3] = __builtin_shufflevector(a1, a3, 2, 3, 6, 7);
      for (int i = 0; i < 4; ++i)
        std::memcpy(reinterpret_cast<char*>(&out[4 * half + i]) + 4 * row, &v[i], 16);
    }
  }
  for (int i = 0; i < 8; ++i) r[i] = out[i];
}
#endif

}  // namespace anec::ANEC_LEVEL
