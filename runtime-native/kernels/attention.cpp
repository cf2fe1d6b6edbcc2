// attention: o = softmax(scale · q · kᵀ + mask) · v, one block of 64 queries at a time.
//
// Only a block of scores exists at once, in scratch. Keys that no query of a block sees are skipped.

#include "attention.h"

namespace anec::ANEC_LEVEL::attention {
namespace {

void describe(Shape& s) {
  const int64_t h = s.dim("H"), k = s.positive("K"), queries = s.dim("S"), keys = s.dim("T");
  const int64_t e = s.positive("E");
  int64_t strides[8];
  for (int64_t& stride : strides) stride = s.dim("stride");
  const bool causal = s.choice("causal", 2) == 1;
  s.expect_floats(1);
  s.require(s.ok() && h % k == 0, "H is not a multiple of K");
  s.require(!causal || keys >= queries, "causal attention needs T >= S");
  s.require(queries == 0 || keys > 0, "there are no keys");
  s.operand(0, DType::f32, Shape::reach({{h, strides[0]}, {queries, strides[1]}, {e, 1}}));
  s.operand(1, DType::f32, Shape::reach({{k, strides[2]}, {keys, strides[3]}, {e, 1}}));
  s.operand(2, DType::f32, Shape::reach({{k, strides[4]}, {keys, strides[5]}, {e, 1}}));
  s.operand(3, DType::f32, Shape::reach({{h, strides[6]}, {queries, strides[7]}, {e, 1}}));
  s.thread_scratch(attention_scratch(keys, e));
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const Attention a{i[0], i[1], i[2], i[3], i[4], i[13] == 1, static_cast<float>(call.floats[0])};
  attend(call, a, {call.f32(0), i[5], i[6]}, {call.f32(1), i[7], i[8]},
         {call.f32(2), i[9], i[10]}, {call.f32(3), i[11], i[12]});
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"attention", describe, run};

}  // namespace anec::ANEC_LEVEL::attention
