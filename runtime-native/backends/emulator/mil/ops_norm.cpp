// Normalisations. Each is rounded once, as one op.

#include <cmath>

#include "map.h"
#include "ops.h"
#include "rows.h"

namespace anec::emulator {
namespace {

struct Moments {
  double mean, variance;
};

Moments moments_of(const Row& r) {
  const double count = double(r.n);
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < r.n; ++i) mean += r.in[i] / count;
  for (int64_t i = 0; i < r.n; ++i) variance += (r.in[i] - mean) * (r.in[i] - mean) / count;
  return {mean, variance};
}

double element(const Row& r, int vector, int64_t i, double otherwise) {
  if (r.vectors[vector] == nullptr) return otherwise;
  const float x = r.vectors[vector][i];
  return r.numerics.arithmetic == Arithmetic::exact ? decode(x) : x;
}

// constants: epsilon; vectors: gamma, beta of the row's elements
void layer_norm_row(const Row& r) {
  const Moments m = moments_of(r);
  const double deviation = std::sqrt(m.variance + r.constants[0]);
  for (int64_t i = 0; i < r.n; ++i)
    r.out[i] = (r.in[i] - m.mean) / deviation * element(r, 0, i, 1) + element(r, 1, i, 0);
}

// The epsilon of a norm: an operand, or a number where there is none.
RowOptions with_epsilon(Call& c, double otherwise) {
  RowOptions options;
  if (const Operand* epsilon = c.maybe("epsilon"))
    options.scalars = {epsilon};
  else
    options.constants = {otherwise};
  return options;
}

bool layer_norm(Call& c) {
  const Operand& x = c.one("x");
  Shape axes, shape;
  if (!axes_parameter(c, "axes", x, axes)) return false;
  int64_t width = 1;
  for (const int64_t axis : axes) {
    shape.push_back(x.shape[size_t(axis)]);
    width *= shape.back();
  }
  for (const char* name : {"gamma", "beta"}) {
    const Operand* given = c.maybe(name);
    if (given != nullptr && given->shape != shape)
      return c.fail(name, "must have the shape " + text_of(shape));
  }
  c.result(x);
  c.flops(6 * double(size_of(x.shape)));
  RowOptions options = with_epsilon(c, 1e-5);
  options.vectors = {c.maybe("gamma"), c.maybe("beta")};
  return map_rows(c, x, axes, width, layer_norm_row, std::move(options));
}

// vectors: gamma, beta of the channels; constants: epsilon, number of channels
void instance_norm_row(const Row& r) {
  const Moments m = moments_of(r);
  const double deviation = std::sqrt(m.variance + r.constants[0]);
  const int64_t channel = r.index % int64_t(r.constants[1]);
  const double gamma = element(r, 0, channel, 1), beta = element(r, 1, channel, 0);
  for (int64_t i = 0; i < r.n; ++i) r.out[i] = (r.in[i] - m.mean) / deviation * gamma + beta;
}

bool check_channels(Call& c, size_t most, std::initializer_list<const char*> names) {
  const Operand& x = c.one("x");
  if (x.shape.size() < 3 || x.shape.size() > most)
    return c.fail("x", "has a rank that this op does not take");
  for (const char* name : names) {
    const Operand* given = c.maybe(name);
    if (given != nullptr && given->shape != Shape{x.shape[1]})
      return c.fail(name, "must be a list of " + std::to_string(x.shape[1]) + " values");
  }
  return true;
}

bool instance_norm(Call& c) {
  const Operand& x = c.one("x");
  if (!check_channels(c, 4, {"gamma", "beta"})) return false;
  Shape axes;
  int64_t width = 1;
  for (size_t d = 2; d < x.shape.size(); ++d) {
    axes.push_back(int64_t(d));
    width *= x.shape[d];
  }
  c.result(x);
  c.flops(6 * double(size_of(x.shape)));
  RowOptions options = with_epsilon(c, 1e-5);
  options.constants.push_back(double(x.shape[1]));
  options.vectors = {c.maybe("gamma"), c.maybe("beta")};
  return map_rows(c, x, axes, width, instance_norm_row, std::move(options));
}

// constants: epsilon
void l2_norm_row(const Row& r) {
  double sum = 0;
  for (int64_t i = 0; i < r.n; ++i) sum += r.in[i] * r.in[i];
  const double norm = std::sqrt(sum + r.constants[0]);
  for (int64_t i = 0; i < r.n; ++i) r.out[i] = r.in[i] / norm;
}

bool l2_norm(Call& c) {
  const Operand& x = c.one("x");
  const int64_t rank = int64_t(x.shape.size());
  if (rank < 3) return c.fail("x", "needs 3 or more dimensions");
  int64_t width = 1;
  for (int64_t d = rank - 3; d < rank; ++d) width *= x.shape[size_t(d)];
  c.result(x);
  c.flops(3 * double(size_of(x.shape)));
  return map_rows(c, x, {rank - 3, rank - 2, rank - 1}, width, l2_norm_row, with_epsilon(c, 1e-6));
}

// operands: x, mean, variance, gamma, beta of the channel, epsilon
void batch_norm_map(const double* const* in, const double*, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = (in[0][i] - in[1][i]) / std::sqrt(in[2][i] + in[5][i]) * in[3][i] + in[4][i];
}

bool batch_norm(Call& c) {
  const Operand& x = c.one("x");
  if (!check_channels(c, 5, {"mean", "variance", "gamma", "beta"})) return false;
  for (const char* name : {"gamma", "beta", "epsilon"})
    if (c.maybe(name) == nullptr) return c.unsupported("needs " + quoted(name) + " here");
  Operand lists[4];
  const char* names[] = {"mean", "variance", "gamma", "beta"};
  for (int i = 0; i < 4; ++i) {
    lists[i] = c.one(names[i]);
    lists[i].shape.resize(x.shape.size() - 1, 1);
  }
  c.result(x);
  return map(c, {&x, &lists[0], &lists[1], &lists[2], &lists[3], &c.one("epsilon")},
             batch_norm_map);
}

}  // namespace

std::span<const OpSpec> normalization_ops() {
  static constexpr OpSpec list[] = {
      {"layer_norm", "x:floats axes:ints? gamma:floats? beta:floats? epsilon:scalar?", layer_norm},
      {"batch_norm",
       "x:floats mean:floats variance:floats gamma:floats? beta:floats? epsilon:scalar?", batch_norm},
      {"instance_norm", "x:floats gamma:floats? beta:floats? epsilon:scalar?", instance_norm},
      {"l2_norm", "x:floats epsilon:scalar?", l2_norm},
  };
  return list;
}

}  // namespace anec::emulator
