// Activations: one element in, one out, with parameters for all elements or for each channel.

#include <cmath>

#include "map.h"
#include "ops.h"
#include "tables.h"

namespace anec::emulator {
namespace {

double relu(double x) { return x != x ? x : x > 0 ? x : 0; }
double relu6(double x) { return x != x ? x : std::fmin(6, std::fmax(0, x)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * sigmoid(x); }
double softsign(double x) { return x / (1 + std::fabs(x)); }
double softplus(double x) { return relu(x) + std::log1p(std::exp(-std::fabs(x))); }
double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double gelu_sigmoid(double x) { return x * sigmoid(1.702 * x); }

template <double (*F)(double), MapFunction Exact = nullptr>
bool plain(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x")}, map1<F>, {.exact = Exact});
}

// Without `mode` the engine's compiler refuses it. The engine's table does not depend on the mode.
bool gelu_op(Call& c) {
  const std::string mode = c.text("mode", "");
  const MapFunction f = mode == "EXACT"                   ? map1<gelu>
                        : mode == "TANH_APPROXIMATION"    ? map1<gelu_tanh>
                        : mode == "SIGMOID_APPROXIMATION" ? map1<gelu_sigmoid>
                                                          : nullptr;
  if (f == nullptr) {
    return c.fail("mode", "must be \"EXACT\", \"TANH_APPROXIMATION\" or \"SIGMOID_APPROXIMATION\"");
  }
  c.result(c.one("x"));
  const bool is_table = mode != "SIGMOID_APPROXIMATION";
  return map(c, {&c.one("x")}, f, {.exact = is_table ? map1<table::gelu> : nullptr});
}

// f(x, alpha) or f(x, alpha, beta)
template <double (*F)(double, double)>
bool with_alpha(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x"), &c.one("alpha")}, map2<F>);
}

template <double (*F)(double, double, double)>
bool with_both(Call& c) {
  c.result(c.one("x"));
  const auto apply = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = F(in[0][i], in[1][i], in[2][i]);
  };
  return map(c, {&c.one("x"), &c.one("alpha"), &c.one("beta")}, apply);
}

double leaky_relu(double x, double alpha) { return x >= 0 ? x : alpha * x; }
double elu(double x, double alpha) { return x > 0 ? x : alpha * std::expm1(x); }
double thresholded_relu(double x, double alpha) { return x >= alpha ? x : 0; }
double clamped_relu(double x, double alpha, double beta) {
  const double y = x >= 0 ? x : alpha * x;
  return y != y ? y : std::fmin(beta, y);
}
double linear(double x, double alpha, double beta) { return alpha * x + beta; }
double scaled_tanh(double x, double alpha, double beta) { return alpha * std::tanh(beta * x); }
double hard_sigmoid(double x, double alpha, double beta) {
  const double y = alpha * x + beta;
  return y != y ? y : std::fmin(1, std::fmax(0, y));
}

// A list with a value for each channel, dimension 1 of x, so shaped that it broadcasts with x.
bool channel_list(Call& c, const char* name, const Operand& x, Operand& out) {
  out = c.one(name);
  if (out.shape.size() != 1 || out.shape[0] != x.shape[1])
    return c.fail(name, "must be a list of " + std::to_string(x.shape[1]) + " values");
  out.shape.resize(x.shape.size() - 1, 1);
  return true;
}

bool has_channels(Call& c) {
  const size_t rank = c.one("x").shape.size();
  return (rank >= 3 && rank <= 5) || c.fail("x", "needs 3 to 5 dimensions");
}

bool prelu(Call& c) {
  const Operand& x = c.one("x");
  Operand alpha;
  if (!has_channels(c) || !channel_list(c, "alpha", x, alpha)) return false;
  c.result(x);
  const auto apply = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = in[0][i] > 0 ? in[0][i] : in[0][i] * in[1][i];
  };
  return map(c, {&x, &alpha}, apply);
}

bool softplus_parametric(Call& c) {
  const Operand& x = c.one("x");
  Operand alpha, beta;
  if (!has_channels(c) || !channel_list(c, "alpha", x, alpha) || !channel_list(c, "beta", x, beta))
    return false;
  c.result(x);
  const auto apply = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = in[1][i] * softplus(in[2][i] * in[0][i]);
  };
  return map(c, {&x, &alpha, &beta}, apply);
}

constexpr const char* kAlpha = "x:floats alpha:scalar";
constexpr const char* kBoth = "x:floats alpha:scalar beta:scalar";

}  // namespace

std::span<const OpSpec> activation_ops() {
  static constexpr OpSpec list[] = {
      {"relu", "x:numbers", plain<relu>},
      {"relu6", "x:floats", plain<relu6>},
      {"sigmoid", "x:floats", plain<sigmoid, map1<table::sigmoid>>},
      {"silu", "x:floats", plain<silu, map1<table::silu>>},
      {"softsign", "x:floats", plain<softsign>},
      {"softplus", "x:floats", plain<softplus, map1<table::softplus>>},
      {"gelu", "x:floats mode:text", gelu_op},
      {"leaky_relu", kAlpha, with_alpha<leaky_relu>},
      {"elu", kAlpha, with_alpha<elu>},
      {"thresholded_relu", kAlpha, with_alpha<thresholded_relu>},
      {"clamped_relu", kBoth, with_both<clamped_relu>},
      {"linear_activation", kBoth, with_both<linear>},
      {"scaled_tanh", kBoth, with_both<scaled_tanh>},
      {"sigmoid_hard", kBoth, with_both<hard_sigmoid>},
      {"prelu", "x:floats alpha:floats", prelu},
      {"softplus_parametric", "x:floats alpha:floats beta:floats", softplus_parametric},
  };
  return list;
}

}  // namespace anec::emulator
