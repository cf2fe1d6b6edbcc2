// embedding_grad: dtable[ids[i]] += dy[i], after zeroing dtable when it replaces.
//
// Threads share the columns, not the ids: two ids may name one row, and each element must add its
// terms in the order of the ids.

#include <cstring>

#include "anec/kernel.h"
#include "ids.h"

namespace anec::ANEC_LEVEL::embedding_grad {
namespace {

void describe(Shape& s) {
  const Count n = s.dim("n"), v = s.dim("V"), d = s.dim("D");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, n * d);
  s.operand(1, DType::i32, n);
  s.operand(2, DType::f32, v * d);
}

Fault run(const Call& call) {
  const int64_t n = call.ints[0], v = call.ints[1], d = call.ints[2];
  const float* dy = call.f32(0);
  const int32_t* ids = call.i32(1);
  float* dtable = call.f32(2);
  if (Fault fault = check_ids("id", ids, n, v); !fault.ok()) return fault;
  if (!call.adds(call.ints[3])) {
    call.pool.parallel_for(v * d, 65536, [&](int64_t begin, int64_t end, int) {
      std::memset(dtable + begin, 0, sizeof(float) * (end - begin));
    });
  }
  call.pool.parallel_for(d, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t id = ids[i];  // may have changed since the check if dtable overlaps ids
      if (id < 0 || id >= v) continue;
      float* to = dtable + id * d;
      const float* from = dy + i * d;
      ANEC_IVDEP
      for (int64_t j = begin; j < end; ++j) to[j] += from[j];
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"embedding_grad", describe, run};

}  // namespace anec::ANEC_LEVEL::embedding_grad
