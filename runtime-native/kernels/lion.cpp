// lion: one step of Lion in one pass over the weights.
//
//     g' = g · grad_scale
//     w −= lr · (sign(β1 · m + (1 − β1) · g') + weight_decay · w)
//     m  = β2 · m + (1 − β2) · g'
//
// sign(0) is 0. The scalars are data: [lr, β1, β2, weight_decay, grad_scale].

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::lion {
namespace {

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  for (int i = 0; i < 3; ++i) s.operand(i, DType::f32, n);
  s.operand(3, DType::f32, 5);
}

struct Numbers {
  float lr, beta1, beta2, decay, grad_scale;
};

// A function of its own: its pointers are known not to overlap, so it becomes vector code.
void update(float* __restrict w, const float* __restrict g, float* __restrict m, const Numbers x,
            int64_t n) {
  const float rest1 = 1.0f - x.beta1, rest2 = 1.0f - x.beta2;
  ANEC_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const float gi = g[i] * x.grad_scale;
    const float mixed = x.beta1 * m[i] + rest1 * gi;
    const float sign = (mixed > 0.0f ? 1.0f : 0.0f) - (mixed < 0.0f ? 1.0f : 0.0f);
    w[i] -= x.lr * (sign + x.decay * w[i]);
    m[i] = x.beta2 * m[i] + rest2 * gi;
  }
}

Fault run(const Call& call) {
  float *w = call.f32(0), *m = call.f32(2);
  const float *g = call.f32(1), *k = call.f32(3);
  const Numbers x{k[0], k[1], k[2], k[3], k[4]};
  call.pool.parallel_for(call.ints[0], 16384, [&](int64_t begin, int64_t end, int) {
    update(w + begin, g + begin, m + begin, x, end - begin);
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"lion", describe, run};

}  // namespace anec::ANEC_LEVEL::lion
