// attention_cached: N new queries against a cache of C rows, of which those up to the query's own
// position are filled. It is causal attention whose number of keys is known only at run time:
// T = position + N.

#include "attention.h"

namespace anec::ANEC_LEVEL::attention_cached {
namespace {

void describe(Shape& s) {
  const int64_t h = s.dim("H"), k = s.positive("K"), n = s.positive("N"), c = s.dim("C");
  const int64_t e = s.positive("E");
  int64_t strides[8];
  for (int64_t& stride : strides) stride = s.dim("stride");
  s.expect_floats(1);
  s.require(s.ok() && h % k == 0, "H is not a multiple of K");
  s.require(n <= c, "N is larger than C");
  s.operand(0, DType::f32, Shape::reach({{h, strides[0]}, {n, strides[1]}, {e, 1}}));
  s.operand(1, DType::f32, Shape::reach({{k, strides[2]}, {c, strides[3]}, {e, 1}}));
  s.operand(2, DType::f32, Shape::reach({{k, strides[4]}, {c, strides[5]}, {e, 1}}));
  s.operand(3, DType::i32, 1);
  s.operand(4, DType::f32, Shape::reach({{h, strides[6]}, {n, strides[7]}, {e, 1}}));
  s.thread_scratch(attention_scratch(c, e));
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const int64_t n = i[2], c = i[3], position = call.i32(3)[0];
  if (position < 0 || position > c - n) return Fault{"position", position, 0, c - n + 1};
  const Attention a{i[0], i[1], n, position + n, i[4], true, static_cast<float>(call.floats[0])};
  attend(call, a, {call.f32(0), i[5], i[6]}, {call.f32(1), i[7], i[8]},
         {call.f32(2), i[9], i[10]}, {call.f32(4), i[11], i[12]});
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"attention_cached", describe, run};

}  // namespace anec::ANEC_LEVEL::attention_cached
