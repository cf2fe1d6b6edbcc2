// cross_entropy: loss = mean over rows of log Σ exp(z) − z[target] (+ loss), with the row's maximum
// taken out first and the sums in double.

#include <cmath>

#include "anec/kernel.h"
#include "ids.h"
#include "loss.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::cross_entropy {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), v = s.positive("V");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, rows * v);
  s.operand(1, DType::i32, rows);
  s.operand(2, DType::f32, 1);
  s.shared_scratch(rows * 2 + 2);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], v = call.ints[1];
  const float* logits = call.f32(0);
  const int32_t* targets = call.i32(1);
  double* losses = reinterpret_cast<double*>(call.shared);

  if (Fault fault = check_ids("target", targets, rows, v); !fault.ok()) return fault;
  call.pool.parallel_for(rows, rows_per_range(v), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* z = logits + row * v;
      const float most = row_max(z, v);
      losses[row] = double(most) + std::log(row_exp_sum(z, most, v)) - double(z[targets[row]]);
    }
  });
  store_mean_loss(losses, rows, call.adds(call.ints[2]), call.f32(2));
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"cross_entropy", describe, run};

}  // namespace anec::ANEC_LEVEL::cross_entropy
