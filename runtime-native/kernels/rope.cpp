// rope: rotates pairs of each head's row by an angle that grows with the position (+ y).
//
//     angle(s, i) = (position + s) · theta^(−2i / E)
//     (y1, y2) = (x1 · cos − x2 · sin, x1 · sin + x2 · cos)     inverse: sin becomes −sin
//
// Angles, cosines and sines are in double and shared by all heads. They are computed 16 rows at a
// time into a table of the thread that uses them.

#include <cmath>

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::rope {
namespace {

constexpr int64_t rows_at_once = 16;

void describe(Shape& s) {
  const int64_t heads = s.dim("heads"), rows = s.dim("S"), e = s.dim("E");
  s.require(e % 2 == 0, "E is odd");
  const int64_t xh = s.dim("xHeadStride"), xr = s.dim("xRowStride");
  const int64_t yh = s.dim("yHeadStride"), yr = s.dim("yRowStride");
  s.choice("pairing", 2);
  s.choice("inverse", 2);
  s.choice("write", write_modes);
  s.expect_floats(1);
  s.operand(0, DType::f32, Shape::reach({{heads, xh}, {rows, xr}, {e, 1}}));
  s.optional_operand(1, DType::i32, 1);
  s.operand(2, DType::f32, Shape::reach({{heads, yh}, {rows, yr}, {e, 1}}));
  s.shared_scratch(Count(e));                       // E / 2 frequencies in double
  s.thread_scratch(Count(rows_at_once) * Count(e)); // cosines, then sines
}

// cos and sin of four angles, reduced by q · π/2 with π/2 in two parts. Good to float precision for
// any position a sequence has.
ANEC_INLINE void cosine_and_sine(f64x4 x, f64x4& cosine, f64x4& sine) {
  constexpr double shift = 6755399441055744.0;  // 1.5 · 2^52 rounds to an integer
  const f64x4 shifted = x * 0.63661977236758134308 + shift;
  const f64x4 n = shifted - shift;
  const i64x4 q = (i64x4)shifted;
  f64x4 r = x - n * 1.57079632673412561417e+00;
  r = r - n * 6.07710050650619224932e-11;
  const f64x4 z = r * r;
  f64x4 s = 2.75573137070700676789e-06 - z * 2.50507602534068634195e-08;
  s = s * z - 1.98412698298579493134e-04;
  s = s * z + 8.33333333332248946124e-03;
  s = s * z - 1.66666666666666324348e-01;
  s = s * z * r + r;
  f64x4 c = 2.48015872894767294178e-05 - z * 2.75573143513906633035e-07;
  c = c * z - 1.38888888888741095749e-03;
  c = c * z + 4.16666666666666019037e-02;
  c = c * z * z - 0.5 * z + 1.0;
  const i64x4 swap = -(q & 1);
  const f64x4 sin_size = (f64x4)(((i64x4)c & swap) | ((i64x4)s & ~swap));
  const f64x4 cos_size = (f64x4)(((i64x4)s & swap) | ((i64x4)c & ~swap));
  sine = (f64x4)((i64x4)sin_size ^ ((q & 2) << 62));
  cosine = (f64x4)((i64x4)cos_size ^ (((q + 1) & 2) << 62));
}

typedef float f32x4 __attribute__((vector_size(16)));

// cos and ±sin of one row's angles, E / 2 each.
void angles(double position, const double* frequencies, int64_t half, bool inverse, float* cosines,
            float* sines) {
  const float sign = inverse ? -1.0f : 1.0f;
  int64_t i = 0;
  for (; i + 4 <= half; i += 4) {
    f64x4 x, c, s;
    std::memcpy(&x, frequencies + i, sizeof x);
    cosine_and_sine(position * x, c, s);
    const f32x4 cosine = __builtin_convertvector(c, f32x4);
    const f32x4 sine = sign * __builtin_convertvector(s, f32x4);
    std::memcpy(cosines + i, &cosine, sizeof cosine);
    std::memcpy(sines + i, &sine, sizeof sine);
  }
  for (; i < half; i += 4) {
    f64x4 x = {}, c, s;
    const int64_t lanes = half - i < 4 ? half - i : 4;
    for (int64_t j = 0; j < lanes; ++j) x[j] = position * frequencies[i + j];
    cosine_and_sine(x, c, s);
    for (int64_t j = 0; j < lanes; ++j) {
      cosines[i + j] = static_cast<float>(c[j]);
      sines[i + j] = sign * static_cast<float>(s[j]);
    }
  }
}

// Pairs (first, second) are `step` apart; neighbours of one kind are `stride` apart.
ANEC_INLINE void rotate(const float* x, float* y, const float* c, const float* s, int64_t half,
                        int64_t stride, int64_t step, bool add) {
  ANEC_IVDEP
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i * stride], b = x[i * stride + step];
    const float first = a * c[i] - b * s[i], second = a * s[i] + b * c[i];
    y[i * stride] = first + (add ? y[i * stride] : 0.0f);
    y[i * stride + step] = second + (add ? y[i * stride + step] : 0.0f);
  }
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const int64_t heads = i[0], rows = i[1], e = i[2], half = e / 2;
  const int64_t xh = i[3], xr = i[4], yh = i[5], yr = i[6];
  const bool split = i[7] == 1, inverse = i[8] == 1, add = call.adds(i[9]);
  const float* x = call.f32(0);
  float* y = call.f32(2);
  const double position = call.i32(1) != nullptr ? call.i32(1)[0] : 0;
  double* frequencies = reinterpret_cast<double*>(call.shared);
  for (int64_t k = 0; k < half; ++k)
    frequencies[k] = std::pow(call.floats[0], -2.0 * double(k) / double(e));

  call.pool.parallel_for(rows, rows_at_once, [&](int64_t begin, int64_t end, int thread) {
    float *cosines = call.scratch(thread), *sines = cosines + rows_at_once * half;
    for (int64_t r0 = begin; r0 < end; r0 += rows_at_once) {
      const int64_t r1 = r0 + rows_at_once < end ? r0 + rows_at_once : end;
      for (int64_t r = r0; r < r1; ++r) {
        const int64_t at = (r - r0) * half;
        angles(position + double(r), frequencies, half, inverse, cosines + at, sines + at);
      }
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t r = r0; r < r1; ++r) {
          const float *from = x + h * xh + r * xr, *c = cosines + (r - r0) * half;
          const float* s = sines + (r - r0) * half;
          float* to = y + h * yh + r * yr;
          if (split) rotate(from, to, c, s, half, 1, half, add);
          else rotate(from, to, c, s, half, 2, 1, add);
        }
      }
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"rope", describe, run};

}  // namespace anec::ANEC_LEVEL::rope
