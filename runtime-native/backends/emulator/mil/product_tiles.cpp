// The inner loops of products: portable, and for AVX2. Both give the same exact bits.

#include "product_tiles.h"

#include <algorithm>
#include <bit>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "half.h"

namespace anec::emulator {
namespace {

constexpr int kWidth = 16;

#define ANEC_FORCE_INLINE __attribute__((always_inline)) inline

ANEC_FORCE_INLINE Multiplier multiplier_of(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t biased = std::max(bits >> 23 & 255, 127u - 14);
  // With e(x) >= −2 every product is kept: no w has an exponent below −14.
  return {std::fabs(x), std::bit_cast<float>(biased >= 125 ? 0 : (254 - biased) << 23),
          bits & 0x80000000u};
}

ANEC_FORCE_INLINE Norms prepare_row_loop(int64_t k, const float* row, Multiplier* out) {
  Norms norms;
  float sum[8] = {}, largest[8] = {}, squares[8] = {};
  int64_t i = 0;
  for (; i + 8 <= k; i += 8) {
    for (int j = 0; j < 8; ++j) {
      out[i + j] = multiplier_of(decode(row[i + j]));
      const float size = out[i + j].size;
      sum[j] += size;
      largest[j] = size > largest[j] ? size : largest[j];
      squares[j] += size * size;
    }
  }
  for (int j = 0; i < k; ++i, ++j) {
    out[i] = multiplier_of(decode(row[i]));
    sum[j] += out[i].size;
    largest[j] = std::max(largest[j], out[i].size);
    squares[j] += out[i].size * out[i].size;
  }
  for (int j = 0; j < 8; ++j) {
    norms.sum += sum[j];
    norms.largest = std::max(norms.largest, largest[j]);
    norms.squares += squares[j];
  }
  return norms;
}

ANEC_FORCE_INLINE void prepare_panel_loop(int64_t k, float* panel, Norms* columns) {
  float sum[kWidth] = {}, largest[kWidth] = {}, squares[kWidth] = {};
  for (int64_t i = 0; i < k; ++i) {
    float* row = panel + i * kWidth;
    for (int j = 0; j < kWidth; ++j) {
      const float w = decode(row[j]), size = std::fabs(w);
      sum[j] += size;
      largest[j] = size > largest[j] ? size : largest[j];
      squares[j] += size * size;
      row[j] = w * 65536;
    }
  }
  for (int j = 0; j < kWidth; ++j) columns[j] = {sum[j], largest[j], squares[j]};
}

Norms prepare_row_portable(int64_t k, const float* row, Multiplier* out) {
  return prepare_row_loop(k, row, out);
}
void prepare_panel_portable(int64_t k, float* panel, Norms* columns) {
  prepare_panel_loop(k, panel, columns);
}

// |x · w| · 2^16 has at most 22 bits, so adding 1/2 in fp32 and cutting off the fraction rounds
// halves away from zero: where the sum is not exact it is far from the next whole number.
void exact_portable(int64_t k, const Multiplier* a0, const Multiplier* a1, const float* panel,
                    int32_t* out) {
  int32_t sums[2][kWidth] = {};
  for (int64_t i = 0; i < k; ++i) {
    const float* w = panel + i * kWidth;
    for (int r = 0; r < 2; ++r) {
      const Multiplier x = r == 0 ? a0[i] : a1[i];
      for (int j = 0; j < kWidth; ++j) {
        const float size = std::fabs(w[j]);
        const float product = size * x.size;
        // Sums that could leave 32 bits are not taken from here; lanes only must not trap.
        const int32_t whole = product < 2147483520.0f ? int32_t(product + 0.5f) : 0;
        const int32_t kept = size >= x.threshold ? whole : 0;
        const int32_t mask = int32_t(std::bit_cast<uint32_t>(w[j]) ^ x.sign) >> 31;
        sums[r][j] = int32_t(uint32_t(sums[r][j]) + uint32_t((kept ^ mask) - mask));
      }
    }
  }
  for (int j = 0; j < kWidth; ++j) {
    out[j] = sums[0][j];
    out[kWidth + j] = sums[1][j];
  }
}

void single_portable(int64_t k, const float* const* a, const float* panel, float* out) {
  float sums[4][kWidth] = {};
  for (int64_t i = 0; i < k; ++i) {
    const float* w = panel + i * kWidth;
    for (int r = 0; r < 4; ++r)
      for (int j = 0; j < kWidth; ++j) sums[r][j] += a[r][i] * w[j];
  }
  for (int r = 0; r < 4; ++r)
    for (int j = 0; j < kWidth; ++j) out[r * kWidth + j] = sums[r][j];
}

constexpr Tiles kPortable = {"portable", prepare_row_portable, prepare_panel_portable,
                             exact_portable, single_portable};

#if defined(__x86_64__)

#define ANEC_AVX2 __attribute__((target("avx2,fma")))

struct ExactRow {
  __m256 size, threshold, sign;
};

ANEC_AVX2 inline ExactRow broadcast(const Multiplier& x) {
  return {_mm256_broadcast_ss(&x.size), _mm256_broadcast_ss(&x.threshold),
          _mm256_castsi256_ps(_mm256_set1_epi32(int32_t(x.sign)))};
}

// sum + the rounded products of eight columns
ANEC_AVX2 inline __m256i add_exact(__m256i sum, const ExactRow& x, __m256 w, __m256 w_size) {
  const __m256 kept = _mm256_cmp_ps(w_size, x.threshold, _CMP_GE_OQ);
  const __m256 rounded = _mm256_fmadd_ps(w_size, x.size, _mm256_set1_ps(0.5f));
  const __m256i whole = _mm256_and_si256(_mm256_cvttps_epi32(rounded), _mm256_castps_si256(kept));
  const __m256i sign = _mm256_castps_si256(_mm256_xor_ps(w, x.sign));
  return _mm256_add_epi32(sum, _mm256_sign_epi32(whole, sign));
}

ANEC_AVX2 void exact_avx2(int64_t k, const Multiplier* a0, const Multiplier* a1, const float* panel,
                          int32_t* out) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256i s00 = _mm256_setzero_si256(), s01 = s00, s10 = s00, s11 = s00;
  for (int64_t i = 0; i < k; ++i) {
    const __m256 w0 = _mm256_loadu_ps(panel + i * kWidth);
    const __m256 w1 = _mm256_loadu_ps(panel + i * kWidth + 8);
    const __m256 size0 = _mm256_and_ps(w0, magnitude), size1 = _mm256_and_ps(w1, magnitude);
    const ExactRow x0 = broadcast(a0[i]), x1 = broadcast(a1[i]);
    s00 = add_exact(s00, x0, w0, size0);
    s01 = add_exact(s01, x0, w1, size1);
    s10 = add_exact(s10, x1, w0, size0);
    s11 = add_exact(s11, x1, w1, size1);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), s00);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), s01);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), s10);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 24), s11);
}

ANEC_AVX2 void single_avx2(int64_t k, const float* const* a, const float* panel, float* out) {
  __m256 sums[4][2];
  for (auto& row : sums) row[0] = row[1] = _mm256_setzero_ps();
  for (int64_t i = 0; i < k; ++i) {
    const __m256 w0 = _mm256_loadu_ps(panel + i * kWidth);
    const __m256 w1 = _mm256_loadu_ps(panel + i * kWidth + 8);
    for (int r = 0; r < 4; ++r) {
      const __m256 x = _mm256_broadcast_ss(a[r] + i);
      sums[r][0] = _mm256_fmadd_ps(x, w0, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(x, w1, sums[r][1]);
    }
  }
  for (int r = 0; r < 4; ++r) {
    _mm256_storeu_ps(out + r * kWidth, sums[r][0]);
    _mm256_storeu_ps(out + r * kWidth + 8, sums[r][1]);
  }
}

ANEC_AVX2 Norms prepare_row_avx2(int64_t k, const float* row, Multiplier* out) {
  return prepare_row_loop(k, row, out);
}
ANEC_AVX2 void prepare_panel_avx2(int64_t k, float* panel, Norms* columns) {
  prepare_panel_loop(k, panel, columns);
}

constexpr Tiles kAvx2 = {"avx2", prepare_row_avx2, prepare_panel_avx2, exact_avx2, single_avx2};

#endif

}  // namespace

const Tiles& tiles(bool portable) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2 && !portable) return kAvx2;
#endif
  (void)portable;
  return kPortable;
}

}  // namespace anec::emulator
