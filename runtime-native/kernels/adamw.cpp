// adamw: one step of AdamW in one pass over the weights.
//
//     g' = g · grad_scale
//     m  = β1 · m + (1 − β1) · g'
//     v  = β2 · v + (1 − β2) · g'²
//     w −= lr · (m / bias1 / (sqrt(v / bias2) + eps) + weight_decay · w)
//
// The scalars are data, so that the learning rate can change without a new plan:
// [lr, β1, β2, eps, weight_decay, bias1 = 1 − β1^t, bias2 = 1 − β2^t, grad_scale].

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::adamw {
namespace {

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  for (int i = 0; i < 4; ++i) s.operand(i, DType::f32, n);
  s.operand(4, DType::f32, 8);
}

struct Numbers {
  float lr, beta1, beta2, eps, decay, over_bias1, over_bias2, grad_scale;
};

// A function of its own: its pointers are known not to overlap, so it becomes vector code.
void update(float* __restrict w, const float* __restrict g, float* __restrict m,
            float* __restrict v, const Numbers x, int64_t n) {
  const float rest1 = 1.0f - x.beta1, rest2 = 1.0f - x.beta2;
  ANEC_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const float gi = g[i] * x.grad_scale;
    const float mi = x.beta1 * m[i] + rest1 * gi;
    const float vi = x.beta2 * v[i] + rest2 * (gi * gi);
    m[i] = mi;
    v[i] = vi;
    const float step = mi * x.over_bias1 / (__builtin_sqrtf(vi * x.over_bias2) + x.eps);
    w[i] -= x.lr * (step + x.decay * w[i]);
  }
}

Fault run(const Call& call) {
  float *w = call.f32(0), *m = call.f32(2), *v = call.f32(3);
  const float *g = call.f32(1), *k = call.f32(4);
  const Numbers x{k[0], k[1], k[2], k[3], k[4], 1.0f / k[5], 1.0f / k[6], k[7]};
  call.pool.parallel_for(call.ints[0], 16384, [&](int64_t begin, int64_t end, int) {
    update(w + begin, g + begin, m + begin, v + begin, x, end - begin);
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"adamw", describe, run};

}  // namespace anec::ANEC_LEVEL::adamw
