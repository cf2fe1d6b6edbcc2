// The inner loops of the matrix product, compiled once per instruction set.
//
// A tile of MR rows by two vectors of c stays in registers while k runs. The accumulators are named
// variables, not an array: an array of this size is spilled to memory.
//
//     ANEC_LANES  registers   tile     accumulators
//     4  (SSE2)      16       6 x 8        12
//     4  (NEON)      32       8 x 8        16
//     8  (AVX2)      16       6 x 16       12
//     16 (AVX-512)   32      12 x 32       24

#include <cstdint>
#include <cstring>

#include "anec/gemm.h"
#include "anec/simd.h"
#include "anec/transpose.h"

namespace anec::ANEC_LEVEL {
namespace {

#if ANEC_LANES == 16
#define ANEC_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
constexpr int MR = 12;
#elif ANEC_LANES == 4 && defined(__aarch64__)
#define ANEC_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
constexpr int MR = 8;
#else
#define ANEC_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
constexpr int MR = 6;
#endif

constexpr int L = ANEC_LANES;
constexpr int NR = 2 * L;
typedef float Vector __attribute__((vector_size(4 * L)));
typedef float UnalignedVector __attribute__((vector_size(4 * L), aligned(4), may_alias));

ANEC_INLINE Vector get(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
ANEC_INLINE void put(float* to, Vector v) { *reinterpret_cast<UnalignedVector*>(to) = v; }

void multiply(int64_t kc, const float* a, const float* b, float alpha, bool add, float* c,
              int64_t ldc) {
#define ANEC_PREFETCH(i)                                                  \
  __builtin_prefetch(c + i * ldc, 1);                                     \
  __builtin_prefetch(c + i * ldc + NR - 1, 1);
  ANEC_ROWS(ANEC_PREFETCH)
#define ANEC_ZERO(i) Vector c##i##0 = {}, c##i##1 = {};
  ANEC_ROWS(ANEC_ZERO)
  ANEC_UNROLL_2
  for (int64_t k = 0; k < kc; ++k) {
    const Vector b0 = get(b), b1 = get(b + L);
#define ANEC_MULTIPLY(i)            \
  {                                 \
    const Vector x = a[i] - Vector{}; \
    c##i##0 += x * b0;              \
    c##i##1 += x * b1;              \
  }
    ANEC_ROWS(ANEC_MULTIPLY)
    a += MR;
    b += NR;
  }
#define ANEC_ADD(i)                                 \
  put(c + i * ldc, get(c + i * ldc) + alpha * c##i##0); \
  put(c + i * ldc + L, get(c + i * ldc + L) + alpha * c##i##1);
#define ANEC_STORE(i)                \
  put(c + i * ldc, alpha * c##i##0); \
  put(c + i * ldc + L, alpha * c##i##1);
  if (add) {
    ANEC_ROWS(ANEC_ADD)
  } else {
    ANEC_ROWS(ANEC_STORE)
  }
}

template <int W>
void copy_panel(const float* src, int64_t k_stride, int64_t count, int64_t kc, float* panel) {
  if (count == W) {
    for (int64_t k = 0; k < kc; ++k) {
      __builtin_prefetch(src + (k + 8) * k_stride);
      __builtin_prefetch(src + (k + 8) * k_stride + W - 1);
      std::memcpy(panel + k * W, src + k * k_stride, sizeof(float) * W);
    }
    return;
  }
  std::memset(panel, 0, sizeof(float) * W * kc);
  for (int64_t k = 0; k < kc; ++k) {
    for (int64_t i = 0; i < count; ++i) panel[k * W + i] = src[k * k_stride + i];
  }
}

// Items `g` .. `g + width` (at most 8) of the panel, eight values of k at a time.
template <int W, int Width>
ANEC_INLINE void transpose_group(const float* src, int64_t item_stride, int64_t count, int64_t kc,
                                 float* panel) {
  int64_t k = 0;
  for (; k + 8 <= kc; k += 8) {
    f32x8 r[8];
    for (int i = 0; i < 8; ++i)
      r[i] = i < Width && i < count ? load(src + i * item_stride + k) : f32x8{};
    transpose(r);
    for (int j = 0; j < 8; ++j) std::memcpy(panel + (k + j) * W, &r[j], sizeof(float) * Width);
  }
  for (; k < kc; ++k) {
    for (int i = 0; i < Width; ++i) panel[k * W + i] = i < count ? src[i * item_stride + k] : 0.0f;
  }
}

template <int W>
void transpose_panel(const float* src, int64_t item_stride, int64_t count, int64_t kc,
                     float* panel) {
  constexpr int whole = W / 8 * 8, rest = W - whole;
  for (int g = 0; g < whole; g += 8)
    transpose_group<W, 8>(src + g * item_stride, item_stride, count - g, kc, panel + g);
  if constexpr (rest > 0)
    transpose_group<W, rest>(src + whole * item_stride, item_stride, count - whole, kc, panel + whole);
}

template <int W>
void pack_width(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
                float* panel) {
  if (item_stride == 1) copy_panel<W>(src, k_stride, count, kc, panel);
  else transpose_panel<W>(src, item_stride, count, kc, panel);
}

void pack(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
          int width, float* panel) {
  if (width == NR) pack_width<NR>(src, item_stride, k_stride, count, kc, panel);
  else pack_width<MR>(src, item_stride, k_stride, count, kc, panel);
}

// c[j] = Σ_k a[k] · b[k, j]: rows of b pass over a block of c that stays in the L1 cache.
void row_by_rows(const GemmShape& s, const float* a, const float* b, float* c, int64_t begin,
                 int64_t end) {
  constexpr int64_t block = 512;
  alignas(64) float sum[block];
  for (int64_t j0 = begin; j0 < end; j0 += block) {
    const int64_t n = end - j0 < block ? end - j0 : block;
    for (int64_t j = 0; j < n; ++j) sum[j] = 0;
    int64_t k = 0;
    for (; k + 4 <= s.k; k += 4) {
      const float *r0 = b + k * s.ldb + j0, *r1 = r0 + s.ldb, *r2 = r1 + s.ldb, *r3 = r2 + s.ldb;
      const float a0 = a[k], a1 = a[k + 1], a2 = a[k + 2], a3 = a[k + 3];
      ANEC_IVDEP
      for (int64_t j = 0; j < n; ++j) sum[j] += (a0 * r0[j] + a1 * r1[j]) + (a2 * r2[j] + a3 * r3[j]);
    }
    for (; k < s.k; ++k) {
      const float* row = b + k * s.ldb + j0;
      for (int64_t j = 0; j < n; ++j) sum[j] += a[k] * row[j];
    }
    for (int64_t j = 0; j < n; ++j) {
      float& out = c[j0 + j];
      out = s.alpha * sum[j] + (s.add ? out : 0.0f);
    }
  }
}

// c[j] = Σ_k a[k] · b[j, k]: one dot product per row of b.
void row_by_columns(const GemmShape& s, const float* a, const float* b, float* c, int64_t begin,
                    int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    const float* row = b + j * s.ldb;
    f32x8 s0 = {}, s1 = {}, s2 = {}, s3 = {};
    int64_t k = 0;
    for (; k + 32 <= s.k; k += 32) {
      s0 += load(a + k) * load(row + k);
      s1 += load(a + k + 8) * load(row + k + 8);
      s2 += load(a + k + 16) * load(row + k + 16);
      s3 += load(a + k + 24) * load(row + k + 24);
    }
    float sum = sum_lanes((s0 + s1) + (s2 + s3));
    for (; k < s.k; ++k) sum += a[k] * row[k];
    c[j] = s.alpha * sum + (s.add ? c[j] : 0.0f);
  }
}

void row_times_matrix(const GemmShape& s, const float* a, const float* b, float* c, int64_t begin,
                      int64_t end) {
  if (s.trans_b) row_by_columns(s, a, b, c, begin, end);
  else row_by_rows(s, a, b, c, begin, end);
}

}  // namespace

#define ANEC_TEXT_OF(x) #x
#define ANEC_TEXT(x) ANEC_TEXT_OF(x)
extern const MicroKernel micro_kernel;
const MicroKernel micro_kernel = {ANEC_TEXT(ANEC_LEVEL), MR,   NR,
                                  multiply,              pack, row_times_matrix};

}  // namespace anec::ANEC_LEVEL
