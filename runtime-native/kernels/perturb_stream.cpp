// perturb_stream: moves every weight by a step of random sign, in place, with the signs of AutoANE.
//
// The signs come from one stream of xoshiro256+, whose state is an operand: each command goes on where the one
// before stopped. Four elements take the four lowest bits of one word, lowest first; each of the one to three at
// the end takes the lowest bit of a word of its own. A bit that is set is +1.
//
// Elements are counted as [outer, inner]. `transposed`: they are stored [inner, outer]. With a map, row o of them is
// stored as row map[o] of `rows`, and a row whose number is negative is passed over, with its signs.

#include "anec/kernel.h"
#include "signs.h"

namespace anec::ANEC_LEVEL::perturb_stream {
namespace {

void describe(Shape& s) {
  const Count outer = s.dim("outer"), inner = s.dim("inner"), rows = s.dim("rows");
  const int64_t transposed = s.choice("transposed", 2);
  const int64_t mapped = s.choice("mapped", 2);
  s.require(transposed + mapped < 2, "a parameter is transposed or mapped, not both");
  s.operand(0, DType::f32, (mapped == 1 ? rows : outer) * inner);
  s.operand(1, DType::i32, 8);
  s.operand(2, DType::f32, 3);
  s.optional_operand(3, DType::i32, mapped == 1 ? outer : 0);
}

struct Stream {
  uint64_t s[4];

  uint64_t next() {
    const uint64_t result = s[0] + s[3];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
  }
};

Fault run(const Call& call) {
  const int64_t outer = call.ints[0], inner = call.ints[1], rows = call.ints[2];
  const bool transposed = call.ints[3] == 1, mapped = call.ints[4] == 1;
  float* w = call.f32(0);
  int32_t* state = static_cast<int32_t*>(call.operands[1]);
  const Step step{call.f32(2)};
  const int32_t* map = mapped ? call.i32(3) : nullptr;
  for (int64_t o = 0; mapped && o < outer; ++o) {
    if (map[o] >= rows) return {"row", map[o], o, rows};
  }

  Stream stream;
  for (int i = 0; i < 4; ++i) stream.s[i] = word_of(state[2 * i], state[2 * i + 1]);
  const int64_t n = outer * inner, whole = n - n % 4;
  const int64_t along = transposed ? outer : 1;
  uint64_t word = 0;
  int64_t at = 0;
  for (int64_t o = 0; o < outer; ++o) {
    const int64_t row = mapped ? map[o] : o;
    float* first = w + (transposed ? o : row * inner);
    for (int64_t i = 0; i < inner; ++i, ++at) {
      const int64_t bit = at < whole ? at % 4 : 0;
      if (bit == 0) word = stream.next();
      if (row >= 0) first[i * along] = step.taken(first[i * along], (word >> bit) & 1);
    }
  }
  for (int i = 0; i < 4; ++i) {
    state[2 * i] = static_cast<int32_t>(static_cast<uint32_t>(stream.s[i]));
    state[2 * i + 1] = static_cast<int32_t>(static_cast<uint32_t>(stream.s[i] >> 32));
  }
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"perturb_stream", describe, run};

}  // namespace anec::ANEC_LEVEL::perturb_stream
