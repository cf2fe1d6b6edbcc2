// The program of `rowwise`: what its integers say, and what the kernel makes of them.
//
// Registers are numbered in the order in which they are made: the inputs first, then one for each
// instruction, so none is read before it is set. A register holds a row of n floats or one number for
// the whole row. A reduction turns the first kind into the second and ends a *phase*: what reads its
// result has to wait until the whole row was seen.
//
//     x ── mul ── mean │ add eps ── rsqrt ── mul x ── y
//          phase 0     │          phase 1
//
// In a phase the row passes by in blocks, so short that what a phase works on stays in the first-level cache.
// A row that is read in a later phase than it is made in is kept whole: in the memory of the output that it is,
// or in scratch. All others never leave a block.

#pragma once

#include <algorithm>

#include "anec/kernel.h"
#include "opcodes.h"

namespace anec::ANEC_LEVEL {

inline constexpr int max_row_inputs = 24;
inline constexpr int max_row_outputs = 8;
inline constexpr int max_row_instructions = 64;
inline constexpr int max_row_registers = max_row_inputs + max_row_instructions;
// Rows whose column sums are kept in floats before they are added in double.
inline constexpr int64_t column_rows = 64;
inline constexpr int64_t most_chunks = 64;

enum class RowStep : int { constant, map, sum, max, mean };
inline constexpr int64_t first_reduction = 64;  // opcodes 64, 65, 66: sum, max, mean

struct RowInstruction {
  RowStep step;
  Opcode opcode;  // of a map
  int a, b;       // registers, or the index of a constant
};

enum class OutputKind : int { elements, rows, columns };

struct RowOutput {
  OutputKind kind;
  int64_t write;
  int source;
};

// Where a register that holds a row lies. What is folded is part of who reads it; of a column there is only the sum.
enum class Home : int { block, input, row, output, folded, column };

struct RowProgram {
  int rank = 0;  // axes before the last one
  int64_t shape[max_rank] = {};
  int64_t n = 0;
  int inputs = 0, outputs = 0, instructions = 0;
  int64_t strides[max_row_inputs + max_row_outputs][max_rank + 1] = {};  // the last axis last
  RowOutput output[max_row_outputs];
  RowInstruction code[max_row_instructions];

  // What follows is worked out by `arrange`.
  bool is_row[max_row_registers] = {};
  int phase[max_row_registers] = {};  // rows: in which it is made; numbers: before which
  Home home[max_row_registers] = {};
  int place[max_row_registers] = {};  // which block, row, output or column
  bool needed[max_row_registers][max_row_instructions + 1] = {};  // rows kept, by phase that reads
  int phases = 1, blocks = 0, rows_kept = 0, columns = 0;
  int streams = 0;        // arrays of which each row has a part of its own, without gaps
  int64_t block = 512;    // floats

  int registers() const { return inputs + instructions; }
  int register_of(int instruction) const { return inputs + instruction; }
  int64_t rows() const {
    int64_t count = 1;
    for (int d = 0; d < rank; ++d) count *= shape[d];
    return count;
  }
  int64_t padded() const { return (n + 7) / 8 * 8; }
  // Rows between which column sums are added up in order: depends on nothing but the shape.
  int64_t chunk_rows() const {
    const int64_t least = (rows() + most_chunks - 1) / most_chunks;
    return std::max(column_rows, (least + column_rows - 1) / column_rows * column_rows);
  }
  int64_t chunks() const { return (rows() + chunk_rows() - 1) / chunk_rows(); }
  bool is_stream(int array) const {
    return rank > 0 && strides[array][rank] == 1 && strides[array][rank - 1] >= n;
  }
  bool reduces(int i) const { return code[i].step >= RowStep::sum; }
};

// Registers that instruction i reads: 0, 1 or 2.
inline int operands_of(const RowInstruction& c) {
  if (c.step == RowStep::constant) return 0;
  return c.step == RowStep::map && reads_two(c.opcode) ? 2 : 1;
}
inline int operand_of(const RowInstruction& c, int which) { return which == 0 ? c.a : c.b; }

// Reads integers in the order of kernels/README.md. `next(what, limit)` gives one below `limit`.
template <class Next>
void read_row_program(RowProgram& p, int64_t constants, const Next& next) {
  constexpr int64_t any = INT64_MAX;
  p.rank = static_cast<int>(next("rank", max_rank));
  for (int d = 0; d < p.rank; ++d) p.shape[d] = next("shape", any);
  p.n = next("n", any);
  p.inputs = static_cast<int>(next("inputs", max_row_inputs + 1));
  for (int i = 0; i < p.inputs; ++i)
    for (int d = 0; d <= p.rank; ++d) p.strides[i][d] = next("inputStride", any);
  p.outputs = static_cast<int>(next("outputs", max_row_outputs + 1));
  for (int i = 0; i < p.outputs; ++i) {
    for (int d = 0; d <= p.rank; ++d) p.strides[p.inputs + i][d] = next("outputStride", any);
    p.output[i].kind = static_cast<OutputKind>(next("kind", 3));
    p.output[i].write = next("write", write_modes);
    p.output[i].source = static_cast<int>(next("register", max_row_registers));
  }
  p.instructions = static_cast<int>(next("instructions", max_row_instructions + 1));
  for (int i = 0; i < p.instructions; ++i) {
    RowInstruction& c = p.code[i];
    const int64_t opcode = next("opcode", first_reduction + 3);
    c.opcode = opcode < int64_t(Opcode::count) ? static_cast<Opcode>(opcode) : Opcode::copy;
    c.step = opcode >= first_reduction      ? static_cast<RowStep>(int(RowStep::sum) + opcode - first_reduction)
             : c.opcode == Opcode::constant ? RowStep::constant
                                            : RowStep::map;
    const bool constant = c.step == RowStep::constant;
    c.a = static_cast<int>(next("a", constant ? std::max<int64_t>(1, constants)
                                              : std::max(1, p.register_of(i))));
    c.b = static_cast<int>(next("b", std::max(1, p.register_of(i))));
  }
}

// Which registers hold rows, and the first phase each can be made in.
inline void find_phases(RowProgram& p) {
  for (int r = 0; r < p.inputs; ++r) {
    p.is_row[r] = p.strides[r][p.rank] != 0;
    p.home[r] = Home::input;
  }
  for (int i = 0; i < p.instructions; ++i) {
    const RowInstruction& c = p.code[i];
    const int r = p.register_of(i);
    for (int k = 0; k < operands_of(c); ++k) {
      const int x = operand_of(c, k);
      const bool ends_phase = p.reduces(i) && p.is_row[x];
      p.is_row[r] |= p.is_row[x] && !p.reduces(i);
      p.phase[r] = std::max(p.phase[r], p.phase[x] + ends_phase);
      if (p.is_row[x]) p.phases = std::max(p.phases, p.phase[x] + 1);
    }
    if (p.is_row[r]) p.phases = std::max(p.phases, p.phase[r] + 1);
  }
}

// The phase in which instruction i passes over the row x.
inline int phase_of_reading(const RowProgram& p, int i) {
  return p.phase[p.register_of(i)] - p.reduces(i);
}

// Rows are made as late as those who read them allow, so that fewer have to be kept.
inline void delay_rows(RowProgram& p) {
  int latest[max_row_registers];
  for (int r = 0; r < p.registers(); ++r) latest[r] = p.phases - 1;
  for (int i = p.instructions - 1; i >= 0; --i) {
    const int r = p.register_of(i);
    if (p.is_row[r]) p.phase[r] = latest[r];
    for (int k = 0; k < operands_of(p.code[i]); ++k) {
      const int x = operand_of(p.code[i], k);
      if (p.is_row[x] && (p.is_row[r] || p.reduces(i)))
        latest[x] = std::min(latest[x], phase_of_reading(p, i));
    }
  }
}

inline bool is_folded(const RowProgram& p, int r) {
  return p.is_row[r] && p.home[r] == Home::folded;
}

// Whether a value may be taken into the instruction that reads it: it is made of rows that are not themselves
// taken into it.
inline bool reads_folded(const RowProgram& p, const RowInstruction& c) {
  for (int k = 0; k < operands_of(c); ++k)
    if (is_folded(p, operand_of(c, k))) return true;
  return false;
}

// Products that only one reader has, a sum of the row, a further product, a sum or a difference, are taken into
// it: x · y · z, x · y · z + v, x · y + z, x · y − z, z − x · y and, of numbers s and t, x · s ± y · t are one look
// at the row.
inline void fold_products(RowProgram& p) {
  int reads[max_row_registers] = {};
  for (int i = 0; i < p.instructions; ++i)
    for (int k = 0; k < operands_of(p.code[i]); ++k) ++reads[operand_of(p.code[i], k)];
  for (int i = 0; i < p.outputs; ++i) ++reads[p.output[i].source];
  const auto maker = [&](int x) -> const RowInstruction& { return p.code[x - p.inputs]; };
  const auto is_map = [&](int x, Opcode opcode) {
    return x >= p.inputs && p.is_row[x] && reads[x] == 1 && maker(x).step == RowStep::map &&
           maker(x).opcode == opcode;
  };
  const auto of_two = [&](int x) { return is_map(x, Opcode::mul) && !reads_folded(p, maker(x)); };
  const auto of_three = [&](int x) { return is_map(x, Opcode::mul) && reads_folded(p, maker(x)); };
  const auto scales = [&](int x) { return p.is_row[maker(x).a] != p.is_row[maker(x).b]; };
  for (int i = 0; i < p.instructions; ++i) {
    const RowInstruction& c = p.code[i];
    if (!p.is_row[p.register_of(i)]) {
      if (c.step != RowStep::sum && c.step != RowStep::mean) continue;
      const bool squares = is_map(c.a, Opcode::square) && !reads_folded(p, maker(c.a));
      if (squares || (of_two(c.a) && !scales(c.a))) p.home[c.a] = Home::folded;
      continue;
    }
    const bool adds = c.opcode == Opcode::add, subtracts = c.opcode == Opcode::sub;
    if (c.step != RowStep::map || !(adds || subtracts || c.opcode == Opcode::mul)) continue;
    if (adds && (of_three(c.a) || of_three(c.b))) {
      p.home[of_three(c.a) ? c.a : c.b] = Home::folded;
      continue;
    }
    const bool a = of_two(c.a), b = of_two(c.b);
    const bool both = a && b && (adds || subtracts) && scales(c.a) && scales(c.b);
    if (a) p.home[c.a] = Home::folded;
    if (both || (b && !a)) p.home[c.b] = Home::folded;
  }
}

// Calls f(i) for each row that instruction i reads, past products folded into it.
template <class F>
void each_row_read(const RowProgram& p, int i, const F& f) {
  for (int k = 0; k < operands_of(p.code[i]); ++k) {
    const int x = operand_of(p.code[i], k);
    if (!p.is_row[x]) continue;
    if (is_folded(p, x)) each_row_read(p, x - p.inputs, f);
    else f(x);
  }
}

// Whether the kernel passes over rows for instruction i.
inline bool passes_over(const RowProgram& p, int i) {
  const int r = p.register_of(i);
  if (p.is_row[r]) return p.home[r] != Home::folded;
  return p.reduces(i) && p.is_row[p.code[i].a];
}

// The column that a product is summed into, if that is all that is written of it; -1 otherwise.
inline int column_of(const RowProgram& p, int r) {
  const RowInstruction& c = p.code[r - p.inputs];
  int column = -1, columns = 0, outputs = 0;
  for (int o = 0; o < p.outputs; ++o) {
    const bool is_column = p.output[o].kind == OutputKind::columns;
    if (p.output[o].source == r) {
      ++outputs;
      if (is_column) column = columns;
    }
    columns += is_column;
  }
  return outputs == 1 && c.step == RowStep::map && c.opcode == Opcode::mul ? column : -1;
}

// Where each row lies.
inline void place_rows(RowProgram& p) {
  int last[max_row_registers];  // instruction of the same phase that reads the register last
  for (int r = 0; r < p.registers(); ++r) last[r] = -1;
  for (int i = 0; i < p.instructions; ++i) {
    if (!passes_over(p, i)) continue;
    const int phase = phase_of_reading(p, i);
    each_row_read(p, i, [&](int x) {
      if (x < p.inputs || p.phase[x] != phase) p.needed[x][phase] = true;
      else last[x] = i;
    });
  }
  for (int i = 0; i < p.outputs; ++i) {
    const int r = p.output[i].source;
    if (r < p.inputs && p.is_row[r]) p.needed[r][0] = true;
  }
  for (int i = 0; i < p.instructions; ++i) {
    const int r = p.register_of(i);
    if (!p.is_row[r] || p.home[r] == Home::folded) continue;
    p.home[r] = Home::block;
    for (int phase = 0; phase < p.phases; ++phase)
      if (p.needed[r][phase]) p.home[r] = Home::row;
    for (int o = p.outputs - 1; o >= 0; --o) {
      const bool in_place = p.output[o].kind == OutputKind::elements && p.output[o].write == 0 &&
                            p.strides[p.inputs + o][p.rank] == 1 && p.n % 8 == 0;
      if (p.output[o].source != r || !in_place) continue;
      p.home[r] = Home::output;
      p.place[r] = o;
    }
    if (p.home[r] == Home::row) p.place[r] = p.rows_kept++;
    const int column = column_of(p, r);
    if (p.home[r] == Home::block && last[r] < 0 && column >= 0) {
      p.home[r] = Home::column;
      p.place[r] = column;
    }
  }
  for (int phase = 0; phase < p.phases; ++phase) {
    uint64_t used = 0;
    for (int i = 0; i < p.instructions; ++i) {
      if (!passes_over(p, i) || phase_of_reading(p, i) != phase) continue;
      const int r = p.register_of(i);
      each_row_read(p, i, [&](int x) {
        if (p.home[x] == Home::block && last[x] == i) used &= ~(uint64_t{1} << p.place[x]);
      });
      if (!p.is_row[r] || p.home[r] != Home::block) continue;
      p.place[r] = __builtin_ctzll(~used);
      p.blocks = std::max(p.blocks, p.place[r] + 1);
      if (last[r] >= 0) used |= uint64_t{1} << p.place[r];
    }
  }
}

// Works out what the integers do not say. Trusts that registers are read after they are set.
inline void arrange(RowProgram& p) {
  find_phases(p);
  delay_rows(p);
  fold_products(p);
  place_rows(p);
  for (int i = 0; i < p.outputs; ++i) p.columns += p.output[i].kind == OutputKind::columns;
  for (int i = 0; i < p.inputs + p.outputs; ++i) p.streams += p.is_stream(i);
  // Longer blocks take fewer turns, where there is room for them in the cache.
  if (p.streams <= 3) p.block = 1024;
}

}  // namespace anec::ANEC_LEVEL
