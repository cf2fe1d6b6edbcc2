// cross_entropy_both: the loss of `cross_entropy` and the gradient of `cross_entropy_grad` from one
// look at each row, with one exponential for each logit.
//
// The exponentials take longer than reading the row, so the next row is fetched meanwhile: a thread takes
// a few rows that follow each other.
//
// dz may be z itself: the target's logit is read before the row is replaced.

#include <algorithm>
#include <cmath>

#include "anec/kernel.h"
#include "ids.h"
#include "loss.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::cross_entropy_both {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), v = s.positive("V");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, rows * v);
  s.operand(1, DType::i32, rows);
  s.operand(2, DType::f32, 1);
  s.operand(3, DType::f32, 1);
  s.operand(4, DType::f32, rows * v);
  s.shared_scratch(rows * 2 + 2);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], v = call.ints[1];
  const float* logits = call.f32(0);
  const int32_t* targets = call.i32(1);
  float* dlogits = call.f32(4);
  double* losses = reinterpret_cast<double*>(call.shared);
  if (Fault fault = check_ids("target", targets, rows, v); !fault.ok()) return fault;
  const double share = double(call.f32(2)[0]) / static_cast<double>(rows > 0 ? rows : 1);

  const int64_t several = std::clamp<int64_t>(rows / (4 * call.pool.threads()), 1, 4);
  call.pool.parallel_for(rows, std::max(several, rows_per_range(v)), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* z = logits + row * v;
      float* dz = dlogits + row * v;
      const int64_t target = targets[row];
      const bool known = target >= 0 && target < v;
      const float wanted = known ? z[target] : 0.0f, most = row_max(z, v);
      const float* next = row + 1 < end ? z + v : z;
      const double sum = row_sum(v, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
        __builtin_prefetch(next + i, 0, 2);
        const f32x8 e = exp_nonpositive(load_lanes(z + i, lanes, -__builtin_inff()) - most);
        store_lanes(dz + i, e, lanes);
        return e;
      });
      losses[row] = double(most) + std::log(sum) - double(wanted);
      row_scale(dz, static_cast<float>(share / sum), v);
      if (known) dz[target] -= static_cast<float>(share);
    }
  });
  store_mean_loss(losses, rows, call.adds(call.ints[2]), call.f32(3));
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"cross_entropy_both", describe, run};

}  // namespace anec::ANEC_LEVEL::cross_entropy_both
