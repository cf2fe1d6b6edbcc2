// A BLAS library found at run time.
//
// Only `cblas_sgemm` is used, through our own prototype, so nothing of a BLAS is needed to build.

#pragma once

#include <string>

#include "anec/gemm.h"
#include "anec/result.h"

namespace anec {

struct Blas {
  using Sgemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                         const float* a, int lda, const float* b, int ldb, float beta, float* c,
                         int ldc);
  std::string name, path;
  Sgemm sgemm;                // null: gemm_reference
  void (*set_threads)(int);  // null if the library has no such call

  // False if a size does not fit the library's 32-bit integers; then nothing was computed.
  bool multiply(const GemmShape& shape, const float* a, const float* b, float* c) const;
};

// `choice`: "system" tries the known libraries and gives null if there is none; "builtin" gives null;
// "reference" gives the slow oracle under the same interface, for tests; anything else is the path of
// a shared library. Libraries stay loaded.
Result<const Blas*> find_blas(const std::string& choice);

}  // namespace anec
