// Three ways to convert, chosen once by what the processor has.

#include "half.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace anec::ane {
namespace {

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

// Normal results: adding half of the last kept place (less one unless that place is odd) carries
// into it exactly when ties-to-even rounds up. Denormal results: adding 0.5 lets the processor's
// own rounding put the kept bits at the bottom of the word.
uint16_t half_of(float x) {
  const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (size >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (size < 0x38800000u)
    return static_cast<uint16_t>(sign | (bits_of(float_of(size) + 0.5f) - 0x3f000000u));
  return static_cast<uint16_t>(sign | ((size + 0xfffu + (size >> 13 & 1u) - 0x38000000u) >> 13));
}

float float_of_half(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, size = half & 0x7fffu;
  if (size >= 0x7c00u) return float_of(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size >= 0x0400u) return float_of(sign | ((size << 13) + 0x38000000u));
  const float denormal = static_cast<float>(size) * 0x1p-24f;
  return float_of(sign | bits_of(denormal));
}

#if defined(__x86_64__)

bool has_instructions() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
  return has;
}

// Halves with all exponent bits set are compared as whole words; the mask of a word is two bits
// wide.
__attribute__((target("avx2,f16c"))) int64_t to_half_fast(const float* from, uint16_t* to,
                                                          int64_t count) {
  const __m128i exponent = _mm_set1_epi16(0x7c00);
  int64_t i = 0, infinite = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
    const __m128i found = _mm_cmpeq_epi16(_mm_and_si128(half, exponent), exponent);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), half);
    infinite += __builtin_popcount(static_cast<unsigned>(_mm_movemask_epi8(found))) / 2;
  }
  return infinite + to_half_portable(from + i, to + i, count - i);
}

__attribute__((target("avx2,f16c"))) void from_half_fast(const uint16_t* from, float* to,
                                                         int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(half));
  }
  from_half_portable(from + i, to + i, count - i);
}

#elif defined(__aarch64__)

bool has_instructions() { return true; }

int64_t to_half_fast(const float* from, uint16_t* to, int64_t count) {
  const uint16x4_t exponent = vdup_n_u16(0x7c00);
  int64_t i = 0, infinite = 0;
  for (; i + 4 <= count; i += 4) {
    const uint16x4_t half = vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + i)));
    const uint16x4_t found = vceq_u16(vand_u16(half, exponent), exponent);
    vst1_u16(to + i, half);
    infinite += vaddv_u16(vshr_n_u16(found, 15));
  }
  return infinite + to_half_portable(from + i, to + i, count - i);
}

void from_half_fast(const uint16_t* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4)
    vst1q_f32(to + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + i))));
  from_half_portable(from + i, to + i, count - i);
}

#else

bool has_instructions() { return false; }
int64_t to_half_fast(const float*, uint16_t*, int64_t) { return 0; }
void from_half_fast(const uint16_t*, float*, int64_t) {}

#endif

}  // namespace

int64_t to_half_portable(const float* from, uint16_t* to, int64_t count) {
  int64_t infinite = 0;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = half_of(from[i]);
    infinite += (to[i] & 0x7c00) == 0x7c00;
  }
  return infinite;
}

void from_half_portable(const uint16_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = float_of_half(from[i]);
}

int64_t to_half(const float* from, uint16_t* to, int64_t count) {
  return has_instructions() ? to_half_fast(from, to, count) : to_half_portable(from, to, count);
}

void from_half(const uint16_t* from, float* to, int64_t count) {
  if (has_instructions()) from_half_fast(from, to, count);
  else from_half_portable(from, to, count);
}

}  // namespace anec::ane
