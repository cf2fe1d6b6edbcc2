// sgd: one step of gradient descent with momentum in one pass over the weights.
//
//     m  = momentum · m + g · grad_scale
//     w −= lr · (m + weight_decay · w)
//
// The scalars are data: [lr, momentum, weight_decay, grad_scale].

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::sgd {
namespace {

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  for (int i = 0; i < 3; ++i) s.operand(i, DType::f32, n);
  s.operand(3, DType::f32, 4);
}

struct Numbers {
  float lr, momentum, decay, grad_scale;
};

// A function of its own: its pointers are known not to overlap, so it becomes vector code.
void update(float* __restrict w, const float* __restrict g, float* __restrict m, const Numbers x,
            int64_t n) {
  ANEC_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const float mi = x.momentum * m[i] + g[i] * x.grad_scale;
    m[i] = mi;
    w[i] -= x.lr * (mi + x.decay * w[i]);
  }
}

Fault run(const Call& call) {
  float *w = call.f32(0), *m = call.f32(2);
  const float *g = call.f32(1), *k = call.f32(3);
  const Numbers x{k[0], k[1], k[2], k[3]};
  call.pool.parallel_for(call.ints[0], 16384, [&](int64_t begin, int64_t end, int) {
    update(w + begin, g + begin, m + begin, x, end - begin);
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"sgd", describe, run};

}  // namespace anec::ANEC_LEVEL::sgd
