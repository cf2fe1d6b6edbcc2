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

struct GemmShape {
  int64_t m, n, k;
  bool trans_a, trans_b;
  int64_t lda, ldb, ldc;  // row strides, in elements
  float alpha;
  bool add;  // keep what is in c
};

// What differs between instruction sets.
struct MicroKernel {
  const char* simd;  // "portable", "avx2", "avx512"
  int mr, nr;        // the tile of c held in registers

  // tile = alpha · a · b (+ tile) over one packed panel pair; a is [kc, mr], b is [kc, nr].
  void (*multiply)(int64_t kc, const float* a, const float* b, float alpha, bool add, float* c,
                   int64_t ldc);

  // Copies `count` (<= width) rows or columns of a matrix into one panel [kc, width], zero-padded.
  // Element (i, k) is src[i * item_stride + k * k_stride]; one of the strides is 1.
  void (*pack)(const float* src, int64_t item_stride, int64_t k_stride, int64_t count, int64_t kc,
               int width, float* panel);

  // Columns begin .. end of the single row c = alpha · a · op(b) (+ c); a is contiguous.
  void (*row_times_matrix)(const GemmShape& shape, const float* a, const float* b, float* c,
                           int64_t begin, int64_t end);
};

// The kernels this processor can run, best first. The last is "portable".
std::span<const MicroKernel* const> micro_kernels();

// Floats of scratch that hold for every micro kernel.
int64_t gemm_shared_floats(int64_t m, int64_t n, int64_t k);
int64_t gemm_thread_floats();
int64_t gemm_serial_floats(int64_t m, int64_t n, int64_t k);

void gemm_reference(const GemmShape& shape, const float* a, const float* b, float* c);

void gemm_serial(const MicroKernel& kernel, const GemmShape& shape, const float* a, const float* b,
                 float* c, float* scratch);

// `shared` has gemm_shared_floats, `thread_scratch` has gemm_thread_floats per thread, one thread
// every `thread_stride` floats.
void gemm_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& shape,
                   const float* a, const float* b, float* c, float* shared, float* thread_scratch,
                   int64_t thread_stride);

}  // namespace anec
