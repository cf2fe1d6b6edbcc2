// Matrix products: c = alpha · op(a) · op(b) (+ c), fp32, row-major.
//
// Three ways, one meaning:
//   gemm_reference   three loops; the oracle
//   gemm_serial      packed and blocked, on the calling thread (attention uses it on small blocks)
//   gemm_parallel    the same blocks, shared between the threads of a pool
//
// The last two give the same bits for any number of threads: an element is a sum over k in one fixed
// order, whatever tile it falls in.

#pragma once

#include <cstdint>
#include <span>

#include "anec/thread_pool.h"

namespace anec {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

struct GemmShape {
  int64_t m, n, k;
  bool trans_a, trans_b;
  int64_t lda, ldb, ldc;  // row strides, in elements
  float alpha;
  bool add;  // keep what is in c
};

// Lines of memory to fetch while a strip of tiles is computed: after every 16 steps of k, `count`
// addresses `step` floats apart, the first of them `stride` floats after the one before. The first
// `tiles` tiles have a share, each `next` floats after that of the one before.
struct Ahead {
  const float* from = nullptr;
  int64_t step = 0, stride = 0;
  int count = 0;
  int64_t next = 0, tiles = 0;
};

// The panel of columns that comes next, packed while a strip is computed. After every 16 steps of k, `count`
// rows are fetched, and as many that were fetched `wait` rows before are packed.
struct PackAhead {
  const float* fetch = nullptr;
  const float* from = nullptr;
  int64_t stride = 0;
  float* to = nullptr;
  int64_t rows = 0;  // left to pack
  int count = 0, wait = 0;
};

// A tile of c stays in registers while k runs: rows x columns numbers.
//
//     c[i · c_row + j · c_column] = alpha · Σ_k a(i, k) · b[k, j]  (+ c)
//
// A number of a is multiplied with a vector of b, so b is packed, [kc, columns of the kernel], and a
// need not be. The first tile that reads a piece of b can pack it on the way.
//
// A strip is tiles of one size, one after the other; from each to the next a, b and c move on.
struct Strip {
  int64_t kc;
  const float* a;
  int64_t a_row;  // a(i, k) = a[i · a_row + k]; 0: a is packed, [kc, rows of the kernel]
  const float* b;
  int64_t b_row;  // 0: b is packed; else b[k, j] = b[k · b_row + j], and is packed into b_copy
  float* b_copy;
  float alpha;
  bool add;
  float* c;
  int64_t c_row, c_column;  // one of them is 1
  int rows, columns;        // at most the kernel's
  int64_t tiles;
  int64_t a_next, b_next, c_next;  // floats from tile to tile
  Ahead ahead;
  PackAhead* pack_ahead = nullptr;  // moves on with the strip
};

// What differs between instruction sets.
struct MicroKernel {
  const char* simd;   // "portable", "avx2", "avx512"
  int rows, columns;  // the largest tile

  void (*multiply)(const Strip& strip);

  // Copies `count` items of a matrix into panels [kc, width], the last one zero-padded; width is
  // `rows` or `columns`. Element (i, k) is src[i * item_stride + k * k_stride]; one stride is 1.
  void (*pack)(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
               int width, float* panel);

  // Columns begin .. end of the single row c = alpha · a · op(b) (+ c); a is contiguous.
  void (*row_times_matrix)(const GemmShape& shape, const float* a, const float* b, float* c,
                           int64_t begin, int64_t end);

  // `steps` times a dozen independent multiply-adds; gives how many FLOPs that was.
  double (*multiply_add)(int64_t steps, float* sink);
};

// The kernels this processor can run, best first. The last is "portable".
std::span<const MicroKernel* const> micro_kernels();

// Floats of scratch that hold for every micro kernel.
int64_t gemm_shared_floats(int64_t m, int64_t n, int64_t k);
int64_t gemm_row_floats(int64_t m, int64_t n, int64_t k);  // of a product with a single row
int64_t gemm_thread_floats();
int64_t gemm_parallel_floats(int64_t m, int64_t n, int64_t k);  // for each thread
int64_t gemm_serial_floats(int64_t m, int64_t n, int64_t k);

void gemm_reference(const GemmShape& shape, const float* a, const float* b, float* c);

void gemm_serial(const MicroKernel& kernel, const GemmShape& shape, const float* a, const float* b,
                 float* c, float* scratch);

// gemm_parallel of a product with a single row; `shared` has gemm_row_floats.
void gemm_row_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& shape,
                       const float* a, const float* b, float* c, float* shared);

// `shared` has the larger of gemm_shared_floats and gemm_row_floats, `thread_scratch` has
// gemm_parallel_floats per thread, one thread every `thread_stride` floats.
void gemm_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& shape,
                   const float* a, const float* b, float* c, float* shared, float* thread_scratch,
                   int64_t thread_stride);

}  // namespace anec
