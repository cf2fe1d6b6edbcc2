// Reads rows along any axes, calls a function on each, and stores what it gives.

#include "rows.h"

#include <algorithm>

namespace anec::emulator {
namespace {

constexpr int64_t kTogether = 8;  // neighbouring rows that are read at once

// Rows of a dense tensor: where they start, and where their elements are.
struct Layout {
  Shape outer_shape, outer_strides;
  Box inner;

  Layout(const Shape& shape, const Shape& axes) {
    const Shape strides = strides_of(shape);
    for (size_t d = 0; d < shape.size(); ++d) {
      const bool along = contains(axes, int64_t(d));
      (along ? inner.shape : outer_shape).push_back(shape[d]);
      (along ? inner.strides : outer_strides).push_back(strides[d]);
    }
    inner = merged(inner);
  }

  int64_t start(int64_t row) const {
    int64_t at = 0;
    for (size_t d = outer_shape.size(); d-- > 0;) {
      at += row % outer_shape[d] * outer_strides[d];
      row /= outer_shape[d];
    }
    return at;
  }

  // visit(k, offset) for the runs of the innermost dimension.
  template <class Visit>
  void each_run(Visit visit) const {
    const size_t last = inner.shape.size() - 1;
    int64_t index[16] = {}, at = 0, k = 0;
    for (;;) {
      visit(k, at);
      k += inner.shape[last];
      size_t axis = last;
      for (;;) {
        if (axis == 0) return;
        --axis;
        at += inner.strides[axis];
        if (++index[axis] < inner.shape[axis]) break;
        at -= index[axis] * inner.strides[axis];
        index[axis] = 0;
      }
    }
  }
};

struct RowLoop {
  Layout from, to;
  int64_t rows, width, count;
  int in;
  ElementType type, out_type;
  RowFunction function;
  std::vector<std::pair<int, ElementType>> scalars;
  std::vector<double> constants;
  std::vector<int> vectors;
  bool as_row;           // results have the shape of x
  int64_t together = 1;  // rows that are read at once
};

void load_rows(const RowLoop& p, const Run& run, int64_t start, int64_t rows, double* out) {
  const float* in = run.in[p.in] + start;
  const int64_t step = p.from.inner.strides.back(), n = p.from.inner.shape.back();
  p.from.each_run([&](int64_t k, int64_t at) {
    if (rows == 1) {
      load_cells(in + at, step, n, p.type, run.exact(), out + k);
      return;
    }
    for (int64_t i = 0; i < n; ++i) {
      double together[kTogether];
      load_cells(in + at + i * step, 1, rows, p.type, run.exact(), together);
      for (int64_t r = 0; r < rows; ++r) out[r * p.width + k + i] = together[r];
    }
  });
}

void store_rows(const RowLoop& p, const Run& run, int64_t start, int64_t rows, const double* in) {
  float* out = run.out[0] + start;
  if (!p.as_row) {
    const int64_t step = p.to.inner.strides.back();
    for (int64_t r = 0; r < rows; ++r)
      store_cells(in + r * p.count, p.count, p.out_type, run.numerics, out + r, step);
    return;
  }
  const int64_t step = p.from.inner.strides.back(), n = p.from.inner.shape.back();
  p.from.each_run([&](int64_t k, int64_t at) {
    for (int64_t r = 0; r < rows; ++r)
      store_cells(in + r * p.count + k, n, p.out_type, run.numerics, out + at + r, step);
  });
}

void run_rows(const Run& run, const RowLoop& p) {
  double constants[8];
  size_t known = 0;
  for (const auto& [in, type] : p.scalars)
    load_cells(run.in[in], 1, 1, type, run.exact(), &constants[known++]);
  for (const double x : p.constants) constants[known++] = x;
  const float* vectors[4];
  for (size_t i = 0; i < p.vectors.size(); ++i)
    vectors[i] = p.vectors[i] < 0 ? nullptr : run.in[p.vectors[i]];

  const int64_t group = p.together > 1 ? p.from.outer_shape.back() : 1;
  run.parallel(p.rows, 8192 / p.width + 1, [&](int64_t begin, int64_t end, int thread) {
    double* in = run.thread_doubles(thread);
    double* out = in + p.together * p.width;
    for (int64_t row = begin; row < end;) {
      const int64_t left = std::min(group - row % group, end - row);
      const int64_t rows = std::min(left, p.together);
      load_rows(p, run, p.from.start(row), rows, in);
      for (int64_t r = 0; r < rows; ++r) {
        p.function({in + r * p.width, p.width, out + r * p.count, row + r, constants, vectors,
                    run.numerics});
      }
      store_rows(p, run, p.as_row ? p.from.start(row) : p.to.start(row), rows, out);
      row += rows;
    }
  });
}

}  // namespace

bool map_rows(Call& c, const Operand& x, const Shape& axes, int64_t count, RowFunction function,
              RowOptions options) {
  Shape to = x.shape;
  for (const int64_t axis : axes) to[size_t(axis)] = axes.size() == 1 ? count : 1;
  RowLoop p{Layout(x.shape, axes),
         Layout(to, axes),
         1,
         1,
         count,
         c.in(x),
         x.type,
         c.result(0).type,
         function,
         {},
         std::move(options.constants),
         {},
         false};
  for (const int64_t n : p.from.outer_shape) p.rows *= n;
  for (const int64_t axis : axes) p.width *= x.shape[size_t(axis)];
  p.as_row = count == p.width;
  for (const Operand* s : options.scalars) p.scalars.emplace_back(c.in(*s), s->type);
  for (const Operand* v : options.vectors) p.vectors.push_back(v == nullptr ? -1 : c.in(*v));
  const bool neighbours = !p.from.outer_strides.empty() && p.from.outer_strides.back() == 1;
  if (neighbours) p.together = kTogether;
  c.thread_scratch(p.together * (p.width + count) * int64_t(sizeof(double)));
  return c.run([p = std::move(p)](const Run& run) { run_rows(run, p); });
}

bool axes_parameter(Call& c, const char* name, const Operand& x, Shape& out) {
  const auto asked = c.ints(name);
  if (!asked || asked->empty()) {
    for (size_t d = 0; d < x.shape.size(); ++d) out.push_back(int64_t(d));
    if (!asked || x.shape.empty()) return true;
    out.clear();
  }
  const auto found = axes_of(*asked, x.shape.size());
  if (!found)
    return c.fail(name, "must be axes of " + text_of(x.shape) + ", not " + text_of(*asked));
  out = *found;
  std::sort(out.begin(), out.end());
  return true;
}

bool axis_parameter(Call& c, const char* name, const Operand& x, int64_t otherwise, int64_t& out) {
  const int64_t asked = c.integer(name, otherwise);
  const auto found = axis_of(asked, x.shape.size());
  if (!found)
    return c.fail(name,
                  "must be an axis of " + text_of(x.shape) + ", not " + std::to_string(asked));
  out = *found;
  return true;
}

}  // namespace anec::emulator
