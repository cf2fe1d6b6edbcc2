// How `rowwise` goes through the rows: where each array is in a row, what each phase does in which order, and
// what is fetched from memory meanwhile. All of it is the same for every row but the offsets.

#pragma once

#include <algorithm>
#include <cstdint>

#include "row_program.h"

namespace anec::ANEC_LEVEL {

// An offset for each array, moved from row to row.
struct Cursor {
  int64_t index[max_rank] = {};
  int64_t at[max_row_inputs + max_row_outputs] = {};

  void go_to(const RowProgram& p, int64_t row) {
    for (int i = 0; i < p.inputs + p.outputs; ++i) at[i] = 0;
    for (int d = p.rank - 1; d >= 0; --d) {
      index[d] = row % p.shape[d];
      row /= p.shape[d];
      for (int i = 0; i < p.inputs + p.outputs; ++i) at[i] += index[d] * p.strides[i][d];
    }
  }
  void next(const RowProgram& p) {
    for (int d = p.rank - 1; d >= 0; --d) {
      const bool wraps = ++index[d] == p.shape[d];
      for (int i = 0; i < p.inputs + p.outputs; ++i)
        at[i] += wraps ? p.strides[i][d] * (1 - p.shape[d]) : p.strides[i][d];
      if (!wraps) return;
      index[d] = 0;
    }
  }
};

// The lines of the next row that come from memory. A pass over a block is too short for the processor to see
// where it leads, so each pass fetches some of what the next row will read and write.
struct Ahead {
  static constexpr int64_t line = 64 / sizeof(float);
  static constexpr int64_t most_floats = 65536;  // a quarter of a small second-level cache
  static constexpr int least_streams = 2;  // fewer the processor follows by itself

  const float* from[max_row_inputs + max_row_outputs];
  int arrays = 0, array = 0;
  int64_t n = 0, at = 0, lines_per_pass = 0;

  // A share of the lines: all of them when every pass over a row has called it.
  void fetch() {
    int64_t left = lines_per_pass * line;
    while (left > 0 && array < arrays) {
      const int64_t end = std::min(n, at + left);
      left -= end - at;
      for (; at < end; at += line) __builtin_prefetch(from[array] + at, 0, 2);
      if (at < n) return;
      at = 0;
      ++array;
    }
  }
};

// A list of what a phase does, the same for each row.
struct Schedule {
  struct Phase {
    int numbers = 0, fetches = 0, passes = 0;
    uint8_t number[max_row_instructions], fetch[max_row_registers], pass[max_row_instructions];
  };
  Phase phase[max_row_instructions + 2];
  bool written[max_row_registers] = {};
  // The streams that are fetched ahead, and how many lines of them a pass fetches.
  int aheads = 0;
  uint8_t ahead[max_row_inputs + max_row_outputs];
  int64_t lines_per_pass = 0;

  explicit Schedule(const RowProgram& p) {
    for (int i = 0; i < p.instructions; ++i) {
      const int r = p.register_of(i);
      if (passes_over(p, i)) {
        Phase& ph = phase[phase_of_reading(p, i)];
        ph.pass[ph.passes++] = static_cast<uint8_t>(i);
      }
      if (!p.is_row[r] && p.code[i].step != RowStep::constant) {
        Phase& ph = phase[p.phase[r]];
        ph.number[ph.numbers++] = static_cast<uint8_t>(i);
      }
    }
    for (int at = 0; at < p.phases; ++at)
      for (int r = 0; r < p.registers(); ++r)
        if (p.needed[r][at]) phase[at].fetch[phase[at].fetches++] = static_cast<uint8_t>(r);
    for (int o = 0; o < p.outputs; ++o)
      written[p.output[o].source] = p.home[p.output[o].source] != Home::column;
    look_ahead(p);
  }

  void look_ahead(const RowProgram& p) {
    int64_t passes = 0;
    for (const Phase& ph : phase) passes += ph.passes;
    passes *= (p.n + p.block - 1) / p.block;
    const bool helps = passes > 0 && p.streams >= Ahead::least_streams &&
                       p.streams * p.n <= Ahead::most_floats;
    for (int i = 0; i < p.inputs + p.outputs && helps; ++i)
      if (p.is_stream(i)) ahead[aheads++] = static_cast<uint8_t>(i);
    const int64_t lines = aheads * ((p.n + Ahead::line - 1) / Ahead::line);
    if (passes > 0) lines_per_pass = (lines + passes - 1) / passes;
  }
};

}  // namespace anec::ANEC_LEVEL
