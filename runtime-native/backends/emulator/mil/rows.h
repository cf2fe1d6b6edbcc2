// Ops that compute on rows: the elements that differ only along some axes.

#pragma once

#include "call.h"

namespace anec::emulator {

struct Row {
  const double* in;
  int64_t n;
  double* out;
  int64_t index;                // of the row among all rows, in row-major order
  const double* constants;      // the op's scalar operands
  const float* const* vectors;  // cells of the op's other operands
  const Numerics& numerics;
};
using RowFunction = void (*)(const Row& row);

struct RowOptions {
  std::vector<const Operand*> scalars = {};
  std::vector<double> constants = {};  // behind the scalars
  std::vector<const Operand*> vectors = {};
};

// Registers a kernel that calls `function` for each row of x along `axes` (from 0, ascending).
// Result `index` is x with `count` elements along the axes; if there are several axes, `count` is 1
// or the row's length.
bool map_rows(Call& c, const Operand& x, const Shape& axes, int64_t count, RowFunction function,
              RowOptions options = {});

// The axes of a parameter, ascending; all axes if it is not given. False after a fault.
bool axes_parameter(Call& c, const char* name, const Operand& x, Shape& out);
// The axis of a parameter, from 0.
bool axis_parameter(Call& c, const char* name, const Operand& x, int64_t otherwise, int64_t& out);

}  // namespace anec::emulator
