// Vectors of eight floats and the functions on them that kernels share.
//
// Written with the compilers' vector extensions: eight lanes are one AVX register, two SSE or NEON
// registers. Kernel files are compiled once per instruction set, each time in namespace ANEC_LEVEL,
// so every function here exists once per set and is always inlined.
//
// exp, log, tanh, sigmoid, sin and cos are within a few units in the last place, and do what
// IEEE arithmetic promises at infinities and NaN.

#pragma once

#include <cstdint>
#include <cstring>

#if !defined(ANEC_LEVEL)
#define ANEC_LEVEL portable
#endif
#if !defined(ANEC_LANES)
#define ANEC_LANES 4
#endif

#define ANEC_INLINE static inline __attribute__((always_inline))

// Above a loop: its iterations do not depend on each other. clang finds that out at run time.
#if defined(__clang__)
#define ANEC_IVDEP
#define ANEC_NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define ANEC_IVDEP _Pragma("GCC ivdep")
#define ANEC_NO_UNROLL _Pragma("GCC unroll 1")
#endif

namespace anec::ANEC_LEVEL {

typedef float f32x8 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef uint32_t u32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef double f64x4 __attribute__((vector_size(32)));
typedef int64_t i64x4 __attribute__((vector_size(32)));

typedef float unaligned_f32x8 __attribute__((vector_size(32), aligned(4), may_alias));

ANEC_INLINE f32x8 load(const float* from) {
  return *reinterpret_cast<const unaligned_f32x8*>(from);
}
ANEC_INLINE void store(float* to, f32x8 v) { *reinterpret_cast<unaligned_f32x8*>(to) = v; }

// The first n < 8 lanes; the rest are `rest`.
ANEC_INLINE f32x8 load_some(const float* from, int64_t n, float rest) {
  f32x8 v = rest - f32x8{};
  for (int64_t i = 0; i < n; ++i) v[i] = from[i];
  return v;
}
ANEC_INLINE void store_some(float* to, f32x8 v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = v[i];
}

ANEC_INLINE f32x8 all(float x) { return x - f32x8{}; }
ANEC_INLINE i32x8 bits(f32x8 v) { return (i32x8)v; }
ANEC_INLINE f32x8 from_bits(i32x8 v) { return (f32x8)v; }
ANEC_INLINE f32x8 select(i32x8 mask, f32x8 yes, f32x8 no) {
  return mask ? yes : no;
}
ANEC_INLINE f32x8 absolute(f32x8 v) { return from_bits(bits(v) & 0x7fffffff); }

// NaN if either is NaN.
ANEC_INLINE f32x8 larger(f32x8 a, f32x8 b) { return select((a > b) | (a != a), a, b); }
ANEC_INLINE f32x8 smaller(f32x8 a, f32x8 b) { return select((a < b) | (a != a), a, b); }

ANEC_INLINE bool any(i32x8 mask) {
  int32_t found = 0;
  for (int i = 0; i < 8; ++i) found |= mask[i];
  return found != 0;
}

ANEC_INLINE float sum_lanes(f32x8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
ANEC_INLINE double sum_lanes_f64(f32x8 v) {
  return ((double(v[0]) + double(v[4])) + (double(v[2]) + double(v[6]))) +
         ((double(v[1]) + double(v[5])) + (double(v[3]) + double(v[7])));
}
// The largest lane; no lane is NaN.
ANEC_INLINE float max_lanes(f32x8 v) {
  const f32x8 fold = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v = v > fold ? v : fold;
  const float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}

// Adding 1.5 · 2^23 rounds |x| < 2^22 to the nearest integer.
ANEC_INLINE f32x8 round_to_integer(f32x8 x) { return (x + 12582912.0f) - 12582912.0f; }
ANEC_INLINE i32x8 to_int(f32x8 x) { return bits(x + 12582912.0f) - 0x4b400000; }
ANEC_INLINE f32x8 power_of_two(i32x8 n) { return from_bits((n + 127) << 23); }

// x = n · ln 2 + r, n the nearest integer, |r| <= ln 2 / 2: exp(x) = 2^n · exp(r).
struct ExpParts {
  f32x8 shifted;  // n + 1.5 · 2^23, whose low bits are n
  f32x8 power;    // exp(r), a polynomial
};

ANEC_INLINE ExpParts exp_parts(f32x8 x) {
  const f32x8 shifted = x * 1.44269504088896341f + 12582912.0f;
  const f32x8 n = shifted - 12582912.0f;
  f32x8 r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  f32x8 p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return {shifted, (p * (r * r) + r) + 1.0f};
}

// The scale is applied in two halves so that results near the ends of the range neither overflow early
// nor lose their denormals.
ANEC_INLINE f32x8 exp(f32x8 x) {
  f32x8 y = select(x > 89.0f, all(89.0f), x);
  y = select(y < -104.0f, all(-104.0f), y);
  const ExpParts e = exp_parts(y);
  const i32x8 n = bits(e.shifted) - 0x4b400000, half = n >> 1;
  return e.power * power_of_two(half) * power_of_two(n - half);  // NaN comes through the power
}

// exp(x) for x <= 0, with 0 below x = −87: half the work of `exp` beside its polynomial.
ANEC_INLINE f32x8 exp_nonpositive(f32x8 x) {
  const ExpParts e = exp_parts(x);
  // The low bits of `shifted` are n: in the place of the exponent, with the bias, they are 2^n.
  const f32x8 scale = (f32x8)(((u32x8)e.shifted << 23) + 0x3f800000u);
  return from_bits(bits(e.power * scale) & ~(x < -87.0f));  // NaN comes through the power
}

// log(x) = e · ln 2 + log(f), x = f · 2^e, sqrt(1/2) <= f < sqrt(2).
ANEC_INLINE f32x8 log(f32x8 x) {
  const i32x8 tiny = x < 1.17549435e-38f;
  const f32x8 scaled = select(tiny, x * 8388608.0f, x);
  i32x8 e = ((bits(scaled) >> 23) & 0xff) - 126;
  f32x8 f = from_bits((bits(scaled) & 0x007fffff) | 0x3f000000);
  const i32x8 low = f < 0.707106781186547524f;
  e = e + low;  // the mask is −1
  f = select(low, f + f, f) - 1.0f;
  e = e - (tiny & 23);

  const f32x8 z = f * f;
  f32x8 p = 7.0376836292e-2f * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const f32x8 exponent = __builtin_convertvector(e, f32x8);
  f32x8 y = p * f * z + exponent * -2.12194440e-4f - 0.5f * z;
  y = f + y + exponent * 0.693359375f;

  const float infinity = __builtin_inff();
  y = select(x == infinity, x, y);
  y = select(x == 0.0f, all(-infinity), y);
  return select((x < 0.0f) | (x != x), all(__builtin_nanf("")), y);
}

// Computed from exp(−|x|), which cannot overflow.
ANEC_INLINE f32x8 sigmoid(f32x8 x) {
  const f32x8 e = exp(from_bits(bits(x) | (int32_t)0x80000000));
  const f32x8 y = 1.0f / (1.0f + e);
  return select(x < 0.0f, e * y, y);
}

// A polynomial near zero, 1 − 2 / (exp(2|x|) + 1) elsewhere.
ANEC_INLINE f32x8 tanh(f32x8 x) {
  const f32x8 size = absolute(x), z = x * x;
  f32x8 p = -5.70498872745e-3f * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const f32x8 near = x + x * z * p;
  const f32x8 far = 1.0f - 2.0f / (exp(size + size) + 1.0f);
  const f32x8 signed_far = from_bits(bits(far) | (bits(x) & (int32_t)0x80000000));
  return select(x != x, x, select(size < 0.625f, near, signed_far));
}

// r = x − q · π/2 in three parts, good for |x| < 8192; beyond that the caller goes lane by lane.
template <bool Cosine>
ANEC_INLINE f32x8 sine_or_cosine(f32x8 x) {
  const f32x8 n = round_to_integer(x * 0.636619772367581343f);
  i32x8 q = to_int(n);
  f32x8 r = x - n * 1.5703125f;
  r = r - n * 4.837512969970703125e-4f;
  r = r - n * 7.54978995489188216e-8f;
  const f32x8 z = r * r;
  f32x8 s = -1.9515295891e-4f * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * z * r + r;
  f32x8 c = 2.443315711809948e-5f * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * z * z - 0.5f * z + 1.0f;
  if (Cosine) q = q + 1;
  const f32x8 y = select((q & 1) != 0, c, s);
  f32x8 result = from_bits(bits(y) ^ ((q & 2) << 30));
  if (any((absolute(x) < 8192.0f) == 0)) {
    for (int i = 0; i < 8; ++i) result[i] = Cosine ? __builtin_cosf(x[i]) : __builtin_sinf(x[i]);
  }
  return result;
}
ANEC_INLINE f32x8 sin(f32x8 x) { return sine_or_cosine<false>(x); }
ANEC_INLINE f32x8 cos(f32x8 x) { return sine_or_cosine<true>(x); }

ANEC_INLINE f32x8 square_root(f32x8 x) {
  f32x8 y;
  for (int i = 0; i < 8; ++i) y[i] = __builtin_sqrtf(x[i]);
  return y;
}

}  // namespace anec::ANEC_LEVEL
