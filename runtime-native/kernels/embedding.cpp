// embedding: y[i] = table[ids[i]].

#include <cstring>

#include "anec/kernel.h"
#include "ids.h"

namespace anec::ANEC_LEVEL::embedding {
namespace {

void describe(Shape& s) {
  const Count n = s.dim("n"), v = s.dim("V"), d = s.dim("D");
  s.operand(0, DType::f32, v * d);
  s.operand(1, DType::i32, n);
  s.operand(2, DType::f32, n * d);
}

Fault run(const Call& call) {
  const int64_t n = call.ints[0], v = call.ints[1], d = call.ints[2];
  const float* table = call.f32(0);
  const int32_t* ids = call.i32(1);
  float* y = call.f32(2);
  if (Fault fault = check_ids("id", ids, n, v); !fault.ok()) return fault;
  call.pool.parallel_for(n, rows_per_range(d), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t id = ids[i];  // may have changed since the check if y overlaps ids
      if (id >= 0 && id < v) std::memmove(y + i * d, table + id * d, sizeof(float) * d);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"embedding", describe, run};

}  // namespace anec::ANEC_LEVEL::embedding
