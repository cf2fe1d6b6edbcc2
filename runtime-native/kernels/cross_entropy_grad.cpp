// cross_entropy_grad: dz = (softmax(z) − onehot(target)) · dloss / rows.
//
// dz may be z itself: a row is read to its end before the first of it is replaced.

#include "anec/kernel.h"
#include "ids.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::cross_entropy_grad {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), v = s.positive("V");
  s.operand(0, DType::f32, rows * v);
  s.operand(1, DType::i32, rows);
  s.operand(2, DType::f32, 1);
  s.operand(3, DType::f32, rows * v);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], v = call.ints[1];
  const float* logits = call.f32(0);
  const int32_t* targets = call.i32(1);
  float* dlogits = call.f32(3);
  if (Fault fault = check_ids("target", targets, rows, v); !fault.ok()) return fault;
  const double share = double(call.f32(2)[0]) / static_cast<double>(rows > 0 ? rows : 1);

  call.pool.parallel_for(rows, rows_per_range(v), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* z = logits + row * v;
      float* dz = dlogits + row * v;
      const int64_t target = targets[row];
      const double sum = row_exp(z, row_max(z, v), dz, v);
      row_scale(dz, static_cast<float>(share / sum), v);
      if (target >= 0 && target < v) dz[target] -= static_cast<float>(share);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"cross_entropy_grad", describe, run};

}  // namespace anec::ANEC_LEVEL::cross_entropy_grad
