// update_rows: cache[k, position + n] = new[k, n], for the keys and values of new tokens.

#include <cstring>

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::update_rows {
namespace {

void describe(Shape& s) {
  const int64_t k = s.dim("K"), c = s.dim("C"), n = s.dim("N"), e = s.dim("E");
  const int64_t head = s.dim("newHeadStride"), row = s.dim("newRowStride");
  s.require(n <= c, "N is larger than C");
  s.operand(0, DType::f32, Count(k) * Count(c) * Count(e));
  s.operand(1, DType::f32, Shape::reach({{k, head}, {n, row}, {e, 1}}));
  s.operand(2, DType::i32, 1);
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const int64_t heads = i[0], c = i[1], n = i[2], e = i[3], head = i[4], row = i[5];
  float* cache = call.f32(0);
  const float* from = call.f32(1);
  const int64_t position = call.i32(2)[0];
  if (position < 0 || position > c - n) return Fault{"position", position, 0, c - n + 1};
  call.pool.parallel_for(heads * n, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t h = item / n, r = item % n;
      std::memmove(cache + (h * c + position + r) * e, from + h * head + r * row, sizeof(float) * e);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"update_rows", describe, run};

}  // namespace anec::ANEC_LEVEL::update_rows
