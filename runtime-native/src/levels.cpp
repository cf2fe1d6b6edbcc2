// Which instruction sets this processor has, and what was compiled for each.
//
// Kernels are compiled for `portable` and `avx2`; the inner loops of the matrix product also for
// `avx512`. On processors other than x86-64 there is `portable` only, which is NEON on arm64.

#include "anec/gemm.h"
#include "anec/kernel.h"

namespace anec {

#define ANEC_DECLARE_LEVEL(level)             \
  namespace level {                           \
  extern const MicroKernel micro_kernel;      \
  std::span<const Kernel* const> kernels();   \
  }
ANEC_DECLARE_LEVEL(portable)
#if defined(__x86_64__)
ANEC_DECLARE_LEVEL(avx2)
namespace avx512 {
extern const MicroKernel micro_kernel;
}
#endif

namespace {

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}
#endif

struct Levels {
  const MicroKernel* micro[3];
  int micro_count = 0;

  Levels() {
#if defined(__x86_64__)
    if (has_avx512()) micro[micro_count++] = &avx512::micro_kernel;
    if (has_avx2()) micro[micro_count++] = &avx2::micro_kernel;
#endif
    micro[micro_count++] = &portable::micro_kernel;
  }
};

const Levels& levels() {
  static const Levels found;
  return found;
}

}  // namespace

std::span<const MicroKernel* const> micro_kernels() {
  return {levels().micro, static_cast<size_t>(levels().micro_count)};
}

std::span<const Kernel* const> kernels_for(const MicroKernel& simd) {
#if defined(__x86_64__)
  if (&simd != &portable::micro_kernel) return avx2::kernels();
#endif
  (void)simd;
  return portable::kernels();
}

}  // namespace anec
