// matmul: c = alpha · op(a) · op(b) (+ c), for each matrix of a batch.
//
// Two ways to use the threads: a batch of small products gives each thread whole products; anything
// else shares the tiles of one product at a time. Both sum in the same order.

#include <algorithm>

#include "anec/blas.h"
#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::matmul {
namespace {

constexpr int64_t small_product = 64 * 64 * 64;  // multiply-adds

void describe(Shape& s) {
  const int64_t batch = s.dim("batch"), m = s.dim("M"), n = s.dim("N"), k = s.dim("K");
  const bool trans_a = s.choice("transA", 2) == 1, trans_b = s.choice("transB", 2) == 1;
  const int64_t lda = s.dim("lda"), ldb = s.dim("ldb"), ldc = s.dim("ldc");
  const int64_t stride_a = s.dim("strideA"), stride_b = s.dim("strideB"), stride_c = s.dim("strideC");
  s.choice("write", write_modes);
  s.expect_floats(1);

  const int64_t rows_a = trans_a ? k : m, columns_a = trans_a ? m : k;
  const int64_t rows_b = trans_b ? n : k, columns_b = trans_b ? k : n;
  s.require(rows_a <= 1 || lda >= columns_a, "lda is shorter than a row of a");
  s.require(rows_b <= 1 || ldb >= columns_b, "ldb is shorter than a row of b");
  s.require(m <= 1 || ldc >= n, "ldc is shorter than a row of c");
  s.require(batch <= 1 || m == 0 || stride_c >= Shape::reach({{m, ldc}, {n, 1}}).n || n == 0,
            "strideC is shorter than a matrix of c");

  s.operand(0, DType::f32, Shape::reach({{batch, stride_a}, {rows_a, lda}, {columns_a, 1}}));
  s.operand(1, DType::f32, Shape::reach({{batch, stride_b}, {rows_b, ldb}, {columns_b, 1}}));
  s.operand(2, DType::f32, Shape::reach({{batch, stride_c}, {m, ldc}, {n, 1}}));
  const bool small = (Count(m) * Count(n) * Count(k)).n <= small_product && batch > 1;
  s.shared_scratch(gemm_shared_floats(m, n, k));
  s.shared_scratch(gemm_row_floats(m, n, k));
  s.thread_scratch(small ? gemm_serial_floats(m, n, k) : gemm_parallel_floats(m, n, k));
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const int64_t batch = i[0], stride_a = i[9], stride_b = i[10], stride_c = i[11];
  const GemmShape shape{i[1], i[2], i[3], i[4] == 1, i[5] == 1, i[6],
                        i[7], i[8], static_cast<float>(call.floats[0]), call.adds(i[12])};
  const float *a = call.f32(0), *b = call.f32(1);
  float* c = call.f32(2);

  if (call.blas == nullptr && batch > 1 && shape.m * shape.n * shape.k <= small_product) {
    call.pool.parallel_for(batch, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t n = begin; n < end; ++n) {
        gemm_serial(call.simd, shape, a + n * stride_a, b + n * stride_b, c + n * stride_c,
                    call.scratch(thread));
      }
    });
    return {};
  }
  for (int64_t n = 0; n < batch; ++n) {
    const float *an = a + n * stride_a, *bn = b + n * stride_b;
    float* cn = c + n * stride_c;
    const bool empty = shape.m == 0 || shape.n == 0 || shape.k == 0;
    if (!empty && call.blas != nullptr && call.blas->multiply(shape, an, bn, cn)) continue;
    gemm_parallel(call.simd, call.pool, shape, an, bn, cn, call.shared, call.thread_base,
                  call.thread_stride);
  }
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"matmul", describe, run};

}  // namespace anec::ANEC_LEVEL::matmul
