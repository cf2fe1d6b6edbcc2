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

namespace anec::ANEC_LEVEL {
namespace {

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  s.choice("decay", 2);
  for (int i = 0; i < 4; ++i) s.operand(i, DType::f32, n);
  s.operand(4, DType::f32, 8);
}

Fault run(const Call& call) {
  float *__restrict w = call.f32(0), *__restrict m = call.f32(2), *__restrict v = call.f32(3);
  const float *__restrict g = call.f32(1), *k = call.f32(4);
  const float lr = k[0], beta1 = k[1], beta2 = k[2], eps = k[3];
  const float decay = call.ints[1] == 1 ? k[4] : 0.0f;
  const float over_bias1 = 1.0f / k[5], over_bias2 = 1.0f / k[6], grad_scale = k[7];
  const float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;

  call.pool.parallel_for(call.ints[0], 16384, [&](int64_t begin, int64_t end, int) {
    ANEC_IVDEP
    for (int64_t i = begin; i < end; ++i) {
      const float gi = g[i] * grad_scale;
      const float mi = beta1 * m[i] + rest1 * gi;
      const float vi = beta2 * v[i] + rest2 * (gi * gi);
      m[i] = mi;
      v[i] = vi;
      const float step = mi * over_bias1 / (__builtin_sqrtf(vi * over_bias2) + eps) + decay * w[i];
      w[i] -= lr * step;
    }
  });
  return {};
}

}  // namespace

extern const Kernel adamw;
const Kernel adamw = {"adamw", describe, run};

}  // namespace anec::ANEC_LEVEL
