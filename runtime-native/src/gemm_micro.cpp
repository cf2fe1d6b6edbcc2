// The inner loops of the matrix product, compiled once per instruction set.
//
// A tile of rows by two vectors stays in registers while k runs. The accumulators are named
// variables, not an array: an array of this size is spilled to memory.
//
//     ANEC_LANES  registers   tile     accumulators
//     4  (SSE2)      16       6 x 8        12
//     4  (NEON)      32       8 x 8        16
//     8  (AVX2)      16       6 x 16       12
//     16 (AVX-512)   32       8 x 32       16

#include <cstdint>
#include <cstring>
#include <utility>

#include "anec/gemm.h"
#include "anec/pack_panels.h"
#include "anec/row_by_columns.h"
#include "anec/simd.h"
#include "anec/transpose.h"

namespace anec::ANEC_LEVEL {
namespace {

// X(row, the row whose pointer it is reached from, rows between the two)
#if ANEC_LANES == 16 || (ANEC_LANES == 4 && defined(__aarch64__))
#define ANEC_ROWS(X) \
  X(0, 0, 0) X(1, 0, 1) X(2, 0, 2) X(3, 3, 0) X(4, 3, 1) X(5, 3, 2) X(6, 6, 0) X(7, 6, 1)
constexpr int MR = 8;
#else
#define ANEC_ROWS(X) X(0, 0, 0) X(1, 0, 1) X(2, 0, 2) X(3, 3, 0) X(4, 3, 1) X(5, 3, 2)
constexpr int MR = 6;
#endif

constexpr int L = ANEC_LANES;
constexpr int NR = 2 * L;
typedef float Vector __attribute__((vector_size(4 * L)));
typedef float UnalignedVector __attribute__((vector_size(4 * L), aligned(4), may_alias));

ANEC_INLINE Vector get(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
ANEC_INLINE void put(float* to, Vector v) { *reinterpret_cast<UnalignedVector*>(to) = v; }

#if ANEC_LANES == 16
// Stores eight rows of sixteen as columns of eight: column j goes to c + j * stride.
ANEC_INLINE void store_across(const Vector r[8], float alpha, bool add, float* c, int64_t stride) {
  // Within each 128-bit lane, a 4 x 4 transposition of rows 0 .. 3 and one of rows 4 .. 7.
#define ANEC_LOW(a, b)                                                                           \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define ANEC_HIGH(a, b)                                                                          \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define ANEC_LOW_PAIRS(a, b)                                                                     \
  __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define ANEC_HIGH_PAIRS(a, b)                                                                    \
  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
  Vector four[2][4];
  for (int half = 0; half < 2; ++half) {
    const Vector *q = r + 4 * half, low0 = ANEC_LOW(q[0], q[1]), high0 = ANEC_HIGH(q[0], q[1]);
    const Vector low1 = ANEC_LOW(q[2], q[3]), high1 = ANEC_HIGH(q[2], q[3]);
    four[half][0] = ANEC_LOW_PAIRS(low0, low1);
    four[half][1] = ANEC_HIGH_PAIRS(low0, low1);
    four[half][2] = ANEC_LOW_PAIRS(high0, high1);
    four[half][3] = ANEC_HIGH_PAIRS(high0, high1);
  }
  // four[·][j] has column 4 · lane + j in each lane.
  for (int j = 0; j < 4; ++j) {
    const Vector a = four[0][j], b = four[1][j];
    const f32x8 columns[4] = {__builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19),
                              __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23),
                              __builtin_shufflevector(a, b, 8, 9, 10, 11, 24, 25, 26, 27),
                              __builtin_shufflevector(a, b, 12, 13, 14, 15, 28, 29, 30, 31)};
    for (int lane = 0; lane < 4; ++lane) {
      float* to = c + (4 * lane + j) * stride;
      store(to, add ? load(to) + alpha * columns[lane] : alpha * columns[lane]);
    }
  }
}
#endif

// to[0 .. Count) = v (+ to).
template <int Count>
ANEC_INLINE void write_lanes(float* to, f32x8 v, bool add) {
  if (add) {
    f32x8 old = {};
    std::memcpy(&old, to, sizeof(float) * Count);
    v += old;
  }
  std::memcpy(to, &v, sizeof(float) * Count);
}

// Writes a tile that is not whole, or lies across c, from a buffer [rows, NR].
void write_out(const Strip& t, float* c, const float* buffer) {
  if (t.c_column == 1) {
    for (int i = 0; i < t.rows; ++i) {
      const float* from = buffer + i * NR;
      float* to = c + i * t.c_row;
      if (t.add) {
        for (int j = 0; j < t.columns; ++j) to[j] += t.alpha * from[j];
      } else {
        for (int j = 0; j < t.columns; ++j) to[j] = t.alpha * from[j];
      }
    }
    return;
  }
  for (int j0 = 0; j0 < t.columns; j0 += 8) {
    f32x8 r[8];
    for (int i = 0; i < 8; ++i) r[i] = i < t.rows ? load(buffer + i * NR + j0) : f32x8{};
    transpose(r);
    const int columns = t.columns - j0 < 8 ? t.columns - j0 : 8;
    for (int j = 0; j < columns; ++j) {
      float* to = c + (j0 + j) * t.c_column;
      if (t.rows == MR) {
        write_lanes<MR>(to, t.alpha * r[j], t.add);
      } else {
        float lanes[8];
        store(lanes, t.alpha * r[j]);
        for (int i = 0; i < t.rows; ++i) to[i] = t.add ? to[i] + lanes[i] : lanes[i];
      }
    }
  }
}

// Fetches and packs the next rows of the panel that comes next.
ANEC_INLINE void pack_rows(PackAhead& p) {
  for (int i = 0; i < p.count; ++i) {
    __builtin_prefetch(p.fetch, 0, 2);
    __builtin_prefetch(p.fetch + NR - 1, 0, 2);
    p.fetch += p.stride;
    if (p.wait > 0) {
      --p.wait;
    } else if (p.rows > 0) {
      put(p.to, get(p.from));
      put(p.to + L, get(p.from + L));
      p.from += p.stride;
      p.to += NR;
      --p.rows;
    }
  }
}

// One tile, from a and b to c. Packed: whether a is. Copies: whether b is packed on the way.
template <int Rows, bool Packed, bool Copies>
ANEC_INLINE void multiply_tile(const Strip& t, const float* a, const float* b, float* c_tile,
                               const float* ahead, int ahead_count) {
  [[maybe_unused]] const int64_t b_row = t.b_row;
  [[maybe_unused]] float* __restrict copy = t.b_copy;
  const int64_t row = Packed ? 1 : t.a_row, step = Packed ? MR : 1;
  const float *a0 = a, *a3 = a + 3 * row, *a6 = a + 6 * row;
  const int64_t ahead_step = t.ahead.step, ahead_stride = t.ahead.stride;
  const int64_t c_lines = t.c_column == 1 ? t.rows : t.columns;
  const int64_t c_line = t.c_column == 1 ? t.c_row : t.c_column;
  for (int64_t i = 0; i < c_lines; ++i) {
    __builtin_prefetch(c_tile + i * c_line, 1);
    if (t.c_column == 1) __builtin_prefetch(c_tile + i * c_line + NR - 1, 1);
  }
#define ANEC_ZERO(i, base, rows) [[maybe_unused]] Vector c##i##0 = {}, c##i##1 = {};
  ANEC_ROWS(ANEC_ZERO)
#define ANEC_MULTIPLY(i, base, rows)                  \
  if constexpr (i < Rows) {                           \
    const Vector x = a##base[rows * row] - Vector{};  \
    c##i##0 += x * b0;                                \
    c##i##1 += x * b1;                                \
  }
  // The empty assembly keeps the loads of one step from being moved into another, where they would
  // take registers that the tile needs.
#define ANEC_STEP                                            \
  {                                                          \
    const Vector b0 = get(b), b1 = get(b + L);               \
    if constexpr (Copies) {                                  \
      put(copy, b0);                                         \
      put(copy + L, b1);                                     \
      copy += NR;                                            \
    }                                                        \
    ANEC_ROWS(ANEC_MULTIPLY)                                 \
    a0 += step;                                              \
    if constexpr (Rows > 3) a3 += step;                      \
    if constexpr (Rows > 6) a6 += step;                      \
    b += Copies ? b_row : NR;                                \
    __asm__("" : "+r"(a0), "+r"(a3), "+r"(a6), "+r"(b));     \
  }
  int64_t k = 0;
  for (; k + 16 <= t.kc; k += 16) {
    for (int i = 0; i < ahead_count; ++i) __builtin_prefetch(ahead + i * ahead_step, 0, 2);
    ahead += ahead_stride;
    if (t.pack_ahead != nullptr) pack_rows(*t.pack_ahead);
    ANEC_NO_UNROLL
    for (int i = 0; i < 16; ++i) ANEC_STEP
  }
  for (; k < t.kc; ++k) ANEC_STEP
#undef ANEC_STEP

  if (t.c_column == 1 && t.columns == NR) {
    float* c = c_tile;
    const float alpha = t.alpha;
#define ANEC_ADD(i, base, rows)                                             \
  if constexpr (i < Rows) {                                                 \
    put(c + i * t.c_row, get(c + i * t.c_row) + alpha * c##i##0);           \
    put(c + i * t.c_row + L, get(c + i * t.c_row + L) + alpha * c##i##1);   \
  }
#define ANEC_STORE(i, base, rows)                 \
  if constexpr (i < Rows) {                       \
    put(c + i * t.c_row, alpha * c##i##0);        \
    put(c + i * t.c_row + L, alpha * c##i##1);    \
  }
    if (t.add) {
      ANEC_ROWS(ANEC_ADD)
    } else {
      ANEC_ROWS(ANEC_STORE)
    }
    return;
  }
#if ANEC_LANES == 16
  if (Rows == 8 && t.columns == NR) {
    const Vector left[8] = {c00, c10, c20, c30, c40, c50, c60, c70};
    const Vector right[8] = {c01, c11, c21, c31, c41, c51, c61, c71};
    store_across(left, t.alpha, t.add, c_tile, t.c_column);
    store_across(right, t.alpha, t.add, c_tile + L * t.c_column, t.c_column);
    return;
  }
#endif
  alignas(64) float buffer[MR * NR];
#define ANEC_KEEP(i, base, rows)              \
  if constexpr (i < Rows) {                   \
    put(buffer + i * NR, c##i##0);            \
    put(buffer + i * NR + L, c##i##1);        \
  }
  ANEC_ROWS(ANEC_KEEP)
  write_out(t, c_tile, buffer);
}

template <int Rows, bool Packed, bool Copies>
void multiply_rows(const Strip& t) {
  const float *a = t.a, *b = t.b, *ahead = t.ahead.from;
  float* c = t.c;
  for (int64_t tile = 0; tile < t.tiles; ++tile) {
    multiply_tile<Rows, Packed, Copies>(t, a, b, c, ahead, tile < t.ahead.tiles ? t.ahead.count : 0);
    a += t.a_next;
    b += t.b_next;
    c += t.c_next;
    ahead += t.ahead.next;
  }
}

// multiply_rows for every number of rows, by where a and b lie.
using Multiply = void (*)(const Strip&);
template <bool Packed, bool Copies, int... Less>
constexpr Multiply by_rows(int rows, std::integer_sequence<int, Less...>) {
  constexpr Multiply list[] = {multiply_rows<Less + 1, Packed, Copies>...};
  return list[rows - 1];
}

void multiply(const Strip& t) {
  constexpr auto rows = std::make_integer_sequence<int, MR>();
  const bool packed = t.a_row == 0, copies = t.b_row != 0;
  if (packed && copies) by_rows<true, true>(t.rows, rows)(t);
  else if (packed) by_rows<true, false>(t.rows, rows)(t);
  else if (copies) by_rows<false, true>(t.rows, rows)(t);
  else by_rows<false, false>(t.rows, rows)(t);
}

// Chains of multiply-adds on registers only: the most that this processor does.
double multiply_add(int64_t steps, float* sink) {
#define ANEC_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#if defined(__x86_64__)
#define ANEC_REGISTER "+x"
#if ANEC_LANES == 16
#undef ANEC_REGISTER
#define ANEC_REGISTER "+v"
#endif
#else
#define ANEC_REGISTER "+w"
#endif
  const Vector x = 0.999f - Vector{}, y = 0.001f - Vector{};
#define ANEC_START(i) Vector v##i = float(i) - Vector{};
  ANEC_CHAINS(ANEC_START)
  for (int64_t step = 0; step < steps; ++step) {
#define ANEC_NEXT(i)      \
  v##i = v##i * x + y;    \
  __asm__ __volatile__("" : ANEC_REGISTER(v##i));
    ANEC_CHAINS(ANEC_NEXT)
  }
  Vector sum = {};
#define ANEC_LAST(i) sum += v##i;
  ANEC_CHAINS(ANEC_LAST)
  sink[0] = sum[0];
  return 2.0 * 12 * L * static_cast<double>(steps);
}

void pack(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
          int width, float* panel) {
  if (width == NR) pack_width<NR>(src, item_stride, k_stride, count, kc, panel);
  else pack_width<MR>(src, item_stride, k_stride, count, kc, panel);
}

// c[j] = Σ_k a[k] · b[k, j]: rows of b pass over a block of c that stays in the L1 cache, several at a time.
//
// The rows that come next are fetched meanwhile, in the order in which they lie in memory: read across,
// as they are used, they come at half the rate.
void row_by_rows(const GemmShape& s, const float* a, const float* b, float* c, int64_t begin,
                 int64_t end) {
  constexpr int64_t block = 2048, line = 16, rows = L;
  alignas(64) float sum[block];
  for (int64_t j0 = begin; j0 < end; j0 += block) {
    const int64_t n = end - j0 < block ? end - j0 : block;
    for (int64_t j = 0; j < n; ++j) sum[j] = 0;
    int64_t k = 0;
    for (; k + rows <= s.k; k += rows) {
      const float *from = b + k * s.ldb + j0, *next = from + rows * s.ldb;
      Vector x[rows];
      for (int64_t i = 0; i < rows; ++i) x[i] = a[k + i] - Vector{};
      int64_t j = 0;
      for (; j + line <= n; j += line) {
        if (n == s.ldb) {
          for (int64_t i = 0; i < rows; ++i) __builtin_prefetch(next + rows * j + line * i, 0, 2);
        }
        for (int64_t v = j; v < j + line; v += L) {
          Vector total = get(sum + v);
          for (int64_t i = 0; i < rows; ++i) total += x[i] * get(from + i * s.ldb + v);
          put(sum + v, total);
        }
      }
      for (; j < n; ++j) {
        for (int64_t i = 0; i < rows; ++i) sum[j] += a[k + i] * from[i * s.ldb + j];
      }
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
                                  multiply,              pack, row_times_matrix, multiply_add};

}  // namespace anec::ANEC_LEVEL
