// elementwise: a small register program over a broadcast index space.
//
//     ints = [rank, shape…,
//             inputs,  per input  [stride…],
//             outputs, per output [stride…, write, register],
//             instructions, per instruction [opcode, to, a, b]]
//
// Registers 0 .. inputs − 1 hold the inputs. The program runs on blocks of 512 elements of the last
// axis: an input that is contiguous there is read in place, any other is gathered into its register.
// An output may be the same memory as an input of equal strides, because a block is read before it is
// written.

#include <algorithm>

#include "anec/kernel.h"
#include "elementwise_ops.h"
#include "walk.h"

namespace anec::ANEC_LEVEL::elementwise {
namespace {

constexpr int64_t block = 512;
constexpr int register_count = 32;
constexpr int64_t max_instructions = 256;

struct Instruction {
  Opcode opcode;
  int to, a, b;
};

struct Program {
  Walk<max_operands> walk;  // inputs, then outputs
  int inputs = 0, outputs = 0, instructions = 0;
  bool add[max_operands];
  int source[max_operands];           // register of each output
  Instruction code[max_instructions];
  bool set_once[max_instructions];    // a constant whose register nothing else writes
};

void describe(Shape& s) {
  const int64_t rank = s.choice("rank", max_rank + 1);
  Shape::Axis axes[max_rank];
  for (int64_t d = 0; d < rank; ++d) axes[d].size = s.dim("shape");
  const int64_t inputs = s.choice("inputs", register_count + 1);
  for (int64_t i = 0; i < inputs && s.ok(); ++i) {
    for (int64_t d = 0; d < rank; ++d) axes[d].stride = s.dim("inputStride");
    s.operand(static_cast<int>(i), DType::f32, Shape::reach({axes, size_t(rank)}));
  }
  const int64_t outputs = s.choice("outputs", max_operands - register_count + 1);
  uint32_t read_at_end = 0;
  for (int64_t i = 0; i < outputs && s.ok(); ++i) {
    for (int64_t d = 0; d < rank; ++d) {
      axes[d].stride = s.dim("outputStride");
      s.require(axes[d].size <= 1 || axes[d].stride > 0,
                "outputStride is 0 along an axis longer than 1");
    }
    s.choice("write", write_modes);
    read_at_end |= uint32_t{1} << s.choice("register", register_count);
    s.operand(static_cast<int>(inputs + i), DType::f32, Shape::reach({axes, size_t(rank)}));
  }

  // Every register is set before it is read.
  uint32_t set = inputs >= 32 ? 0xffffffffu : (uint32_t{1} << inputs) - 1;
  const int64_t count = s.choice("instructions", max_instructions + 1);
  for (int64_t i = 0; i < count && s.ok(); ++i) {
    const auto opcode = static_cast<Opcode>(s.choice("opcode", int64_t(Opcode::count)));
    const int64_t to = s.choice("to", register_count);
    const bool constant = opcode == Opcode::constant;
    const int64_t a = s.choice("a", constant ? std::max(1, s.floats()) : register_count);
    const int64_t b = s.choice("b", register_count);
    if (constant) s.require(s.floats() > 0, "reads a constant, but there are none");
    else s.require((set >> a & 1) != 0, "reads a register before it is set");
    s.require(!reads_two(opcode) || (set >> b & 1) != 0, "reads a register before it is set");
    set |= uint32_t{1} << to;
  }
  s.require((read_at_end & ~set) == 0, "writes a register that is never set");
  s.expect_floats(s.floats());
  s.thread_scratch((register_count + 1) * block);
}

void decode(const Call& call, Program& p) {
  const int64_t* at = call.ints;
  auto& w = p.walk;
  w.rank = static_cast<int>(*at++);
  for (int d = 0; d < w.rank; ++d) w.shape[d] = *at++;
  p.inputs = static_cast<int>(*at++);
  for (int i = 0; i < p.inputs; ++i) {
    for (int d = 0; d < w.rank; ++d) w.strides[i][d] = *at++;
  }
  p.outputs = static_cast<int>(*at++);
  for (int i = 0; i < p.outputs; ++i) {
    for (int d = 0; d < w.rank; ++d) w.strides[p.inputs + i][d] = *at++;
    p.add[i] = call.adds(*at++);
    p.source[i] = static_cast<int>(*at++);
  }
  w.arrays = p.inputs + p.outputs;
  p.instructions = static_cast<int>(*at++);
  int writes[register_count] = {};
  for (int i = 0; i < p.inputs; ++i) ++writes[i];
  for (int i = 0; i < p.instructions; ++i, at += 4) {
    p.code[i] = {static_cast<Opcode>(at[0]), int(at[1]), int(at[2]), int(at[3])};
    ++writes[at[1]];
  }
  for (int i = 0; i < p.instructions; ++i)
    p.set_once[i] = p.code[i].opcode == Opcode::constant && writes[p.code[i].to] == 1;
}

ANEC_INLINE void fill_block(float* to, float value, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = value;
}

// The register file of a thread: where each register is now, and its own block.
struct Registers {
  float* own;
  const float* at[register_count];

  float* block_of(int r) { return own + r * block; }
};

void load_input(Registers& r, int i, const float* from, int64_t stride, int64_t n) {
  if (stride == 1 && n % 8 == 0) {
    r.at[i] = from;
    return;
  }
  float* to = r.block_of(i);
  if (stride == 0) fill_block(to, *from, n);
  else for (int64_t k = 0; k < n; ++k) to[k] = from[k * stride];
  for (int64_t k = n; k % 8 != 0; ++k) to[k] = 0;
  r.at[i] = to;
}

// `n` elements of the last axis from `from` on, in the row whose offsets are `rows`.
void run_block(const Call& call, const Program& p, Registers& r, const int64_t* rows, int64_t from,
               int64_t n) {
  const int last = p.walk.rank - 1;
  for (int i = 0; i < p.inputs; ++i) {
    const int64_t stride = p.walk.strides[i][last];
    load_input(r, i, call.f32(i) + rows[i] + from * stride, stride, n);
  }
  const int64_t padded = (n + 7) / 8 * 8;
  for (int i = 0; i < p.instructions; ++i) {
    const Instruction& c = p.code[i];
    float* to = r.block_of(c.to);
    if (c.opcode == Opcode::constant) {
      if (!p.set_once[i]) fill_block(to, static_cast<float>(call.floats[c.a]), block);
    } else {
      evaluate(c.opcode, to, r.at[c.a], reads_two(c.opcode) ? r.at[c.b] : r.at[c.a], padded);
    }
    r.at[c.to] = to;
  }
  // An input that goes out unchanged is saved before another output may replace it.
  for (int i = 1; i < p.outputs; ++i) {
    const int s = p.source[i];
    if (r.at[s] == r.block_of(s)) continue;
    std::memcpy(r.block_of(s), r.at[s], sizeof(float) * n);
    r.at[s] = r.block_of(s);
  }
  for (int i = 0; i < p.outputs; ++i) {
    const int array = p.inputs + i;
    const int64_t stride = p.walk.strides[array][last];
    store_block(call.f32(array) + rows[array] + from * stride, r.at[p.source[i]], stride, p.add[i],
                n);
  }
}

Fault run(const Call& call) {
  Program p;
  decode(call, p);
  if (p.walk.count(p.walk.rank) == 0) return {};
  p.walk.simplify(p.walk);

  const int last = p.walk.rank - 1;
  const int64_t n = p.walk.shape[last], blocks = (n + block - 1) / block;
  const int64_t items = p.walk.count(last) * blocks;
  const int64_t item_size = std::min(n, block);
  call.pool.parallel_for(items, std::max<int64_t>(1, 8192 / item_size),
                         [&](int64_t begin, int64_t end, int thread) {
    Registers r;
    r.own = call.scratch(thread);
    for (int i = 0; i < p.instructions; ++i) {
      const Instruction& c = p.code[i];
      if (p.set_once[i]) fill_block(r.block_of(c.to), static_cast<float>(call.floats[c.a]), block);
    }
    int64_t rows[max_operands];
    for (int64_t item = begin, row = -1; item < end; ++item) {
      if (item / blocks != row) {
        row = item / blocks;
        for (int i = 0; i < p.walk.arrays; ++i) rows[i] = p.walk.offset(i, row, last);
      }
      const int64_t from = item % blocks * block;
      run_block(call, p, r, rows, from, std::min(block, n - from));
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"elementwise", describe, run};

}  // namespace anec::ANEC_LEVEL::elementwise
