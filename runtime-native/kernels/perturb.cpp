// perturb: moves every weight by a step of random sign, in place.
//
//     w += z · add,  w += z · more,  w = (w ± grid) ∓ grid  with the sign of w
//
// The signs z of a parameter follow from a key and the parameter's number alone: element i takes bit i mod 64 of
// word floor(i / 64), and word j is mix(base + (j + 1) · golden), where base = mix(key ^ mix(number + 1)) and mix is
// the last step of splitmix64. So any part of it can be made anywhere, in any order.
//
// Scalars are [add, more, grid]; 0 leaves a part out. A weight that is rounded to the grid, a power of two, has no
// digits below those of |w| + grid: adding and taking away z · grid then gives back the same bits.

#include "anec/kernel.h"
#include "signs.h"

namespace anec::ANEC_LEVEL::perturb {
namespace {

constexpr uint64_t golden = 0x9e3779b97f4a7c15;

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  s.dim("number");
  s.operand(0, DType::f32, n);
  s.operand(1, DType::i32, 2);
  s.operand(2, DType::f32, 3);
}

Fault run(const Call& call) {
  const int64_t n = call.ints[0];
  float* w = call.f32(0);
  const int32_t* key = call.i32(1);
  const Step step{call.f32(2)};
  const uint64_t wide = word_of(key[0], key[1]);
  const uint64_t base = mix(wide ^ mix(static_cast<uint64_t>(call.ints[1]) + 1));
  call.pool.parallel_for((n + 63) / 64, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t j = begin; j < end; ++j) {
      const uint64_t word = mix(base + (static_cast<uint64_t>(j) + 1) * golden);
      const int64_t count = n - j * 64 < 64 ? n - j * 64 : 64;
      float* part = w + j * 64;
      for (int64_t i = 0; i < count; ++i) part[i] = step.taken(part[i], (word >> i) & 1);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"perturb", describe, run};

}  // namespace anec::ANEC_LEVEL::perturb
