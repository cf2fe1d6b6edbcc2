// Arithmetic, comparisons and functions of single elements.

#include <cmath>

#include "map.h"
#include "ops.h"
#include "parser.h"
#include "tables.h"

namespace anec::emulator {
namespace {

// x and y have one element type and broadcast.
bool binary_types(Call& c, bool gives_bool, bool takes_bool) {
  const Operand &x = c.one("x"), &y = c.one("y");
  if (x.type != y.type)
    return c.fail(
        "y", "must be " + std::string(name_of(x.type)) + ", as `x` is, not " + name_of(y.type));
  if (takes_bool != (x.type == ElementType::boolean))
    return c.fail("x", takes_bool ? "must be bools" : "must be numbers");
  const auto shape = broadcast(x.shape, y.shape);
  if (!shape)
    return c.fail("y",
                  "is " + text_of(y.shape) + ", which does not broadcast with " + text_of(x.shape));
  c.result(gives_bool ? ElementType::boolean : x.type, *shape);
  return true;
}

template <double (*F)(double, double), bool GivesBool = false, bool TakesBool = false>
bool binary(Call& c) {
  return binary_types(c, GivesBool, TakesBool) && map(c, {&c.one("x"), &c.one("y")}, map2<F>);
}

template <double (*F)(double), MapFunction Exact = nullptr>
bool unary(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x")}, map1<F>, {.exact = Exact});
}

// f(x + epsilon)
template <double (*F)(double)>
double shifted(double x, double epsilon) {
  return F(x + epsilon);
}

template <double (*F)(double), double (*Exact)(double, double)>
bool with_epsilon(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x"), &c.one("epsilon")}, map2<shifted<F>>, {.exact = map2<Exact>});
}

double maximum(double x, double y) {
  if (x != x || y != y) return x != x ? x : y;
  return x == y ? (std::signbit(x) ? y : x) : (x > y ? x : y);
}
double minimum(double x, double y) {
  if (x != x || y != y) return x != x ? x : y;
  return x == y ? (std::signbit(x) ? x : y) : (x < y ? x : y);
}

double power(double x, double y) {
  if (y != y || (std::fabs(x) == 1 && std::isinf(y))) return std::nan("");
  return std::pow(x, y);
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

double add(double x, double y) { return x + y; }
double sub(double x, double y) { return x - y; }
double mul(double x, double y) { return x * y; }
double real_div(double x, double y) { return x / y; }
double floor_div(double x, double y) { return std::floor(x / y); }
double mod(double x, double y) { return x - y * std::floor(x / y); }
double equal(double x, double y) { return x == y; }
double not_equal(double x, double y) { return x != y; }
double less(double x, double y) { return x < y; }
double less_equal(double x, double y) { return x <= y; }
double greater(double x, double y) { return x > y; }
double greater_equal(double x, double y) { return x >= y; }
double logical_and(double x, double y) { return x != 0 && y != 0; }
double logical_or(double x, double y) { return x != 0 || y != 0; }
double logical_xor(double x, double y) { return (x != 0) != (y != 0); }
double logical_not(double x) { return x == 0; }
double absolute(double x) { return std::fabs(x); }
double negative(double x) { return -x; }
double square(double x) { return x * x; }
double root(double x) { return std::sqrt(x); }
double exponential(double x) { return std::exp(x); }
double exponential2(double x) { return std::exp2(x); }
double error_function(double x) { return std::erf(x); }
double floor_of(double x) { return std::floor(x); }
double ceil_of(double x) { return std::ceil(x); }
double round_of(double x) { return std::round(x); }
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double tangent(double x) { return std::tan(x); }
double arcsine(double x) { return std::asin(x); }
double arccosine(double x) { return std::acos(x); }
double arctangent(double x) { return std::atan(x); }
double hyperbolic_sine(double x) { return std::sinh(x); }
double hyperbolic_cosine(double x) { return std::cosh(x); }
double hyperbolic_tangent(double x) { return std::tanh(x); }
double area_sine(double x) { return std::asinh(x); }
double area_cosine(double x) { return std::acosh(x); }
double area_tangent(double x) { return std::atanh(x); }
double logarithm(double x) { return std::log(x); }
double inverse_root(double x) { return 1 / std::sqrt(x); }
double inverse(double x) { return 1 / x; }

bool identity(Call& c) {
  c.result(c.one("x"));
  return c.view(c.one("x"));
}

bool logical_not_op(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x")}, map1<logical_not>);
}

// Towards zero and into the range of the type; bools are what is not zero.
void convert(const double* const* in, const double* range, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const double x = in[0][i];
    out[i] = x != x ? 0 : std::fmin(range[1], std::fmax(range[0], std::trunc(x)));
  }
}

bool cast_to(Call& c, const char* argument, const char* parameter) {
  const std::string dtype = c.text(parameter, "");
  ElementType type;
  if (!element_type_of(dtype, type) || type == ElementType::string)
    return c.fail(parameter, "must be an element type, not \"" + dtype.substr(0, 40) + "\"");
  const Operand& x = c.one(argument);
  c.result(type, x.shape);
  if (type == ElementType::boolean) {
    const auto is_set = [](const double* const* in, const double*, double* out, int64_t n) {
      for (int64_t i = 0; i < n; ++i) out[i] = in[0][i] != 0;
    };
    return map(c, {&x}, is_set);
  }
  const auto move = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = in[0][i];
  };
  if (is_float(type)) return map(c, {&x}, move, {.moves = true});
  const auto [low, high] = integer_range(type);
  return map(c, {&x}, convert, {.constants = {low, high}});
}

bool cast(Call& c) { return cast_to(c, "x", "dtype"); }
bool constexpr_cast(Call& c) { return cast_to(c, "source_val", "output_dtype"); }

bool select(Call& c) {
  const Operand &cond = c.one("cond"), &a = c.one("a"), &b = c.one("b");
  if (a.type != b.type) return c.fail("b", "must have the elements of `a`");
  const auto both = broadcast(a.shape, b.shape);
  if (!both) return c.fail("b", "does not broadcast with `a`");
  const auto shape = broadcast(cond.shape, *both);
  if (!shape) return c.fail("cond", "does not broadcast with `a` and `b`");
  c.result(a.type, *shape);
  const auto choose = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = in[0][i] != 0 ? in[1][i] : in[2][i];
  };
  return map(c, {&cond, &a, &b}, choose, {.moves = true});
}

bool clip(Call& c) {
  c.result(c.one("x"));
  const auto limit = [](const double* const* in, const double*, double* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = minimum(in[2][i], maximum(in[1][i], in[0][i]));
  };
  return map(c, {&c.one("x"), &c.one("alpha"), &c.one("beta")}, limit);
}

bool threshold(Call& c) {
  c.result(c.one("x"));
  return map(c, {&c.one("x"), &c.one("alpha")}, map2<maximum>);
}

constexpr const char* kTwo = "x:numbers y:numbers";
constexpr const char* kTwoBools = "x:bools y:bools";

}  // namespace

std::span<const OpSpec> elementwise_ops() {
  static constexpr OpSpec list[] = {
      {"identity", "x:values", identity},
      {"cast", "x:values dtype:text", cast},
      {"constexpr_cast", "source_val:values output_dtype:text", constexpr_cast},
      {"add", kTwo, binary<add>},
      {"sub", kTwo, binary<sub>},
      {"mul", kTwo, binary<mul>},
      {"real_div", kTwo, binary<real_div>},
      {"floor_div", kTwo, binary<floor_div>},
      {"mod", kTwo, binary<mod>},
      {"pow", kTwo, binary<power>},
      {"maximum", kTwo, binary<maximum>},
      {"minimum", kTwo, binary<minimum>},
      {"equal", kTwo, binary<equal, true>},
      {"not_equal", kTwo, binary<not_equal, true>},
      {"less", kTwo, binary<less, true>},
      {"less_equal", kTwo, binary<less_equal, true>},
      {"greater", kTwo, binary<greater, true>},
      {"greater_equal", kTwo, binary<greater_equal, true>},
      {"logical_and", kTwoBools, binary<logical_and, true, true>},
      {"logical_or", kTwoBools, binary<logical_or, true, true>},
      {"logical_xor", kTwoBools, binary<logical_xor, true, true>},
      {"logical_not", "x:bools", logical_not_op},
      {"select", "cond:bools a:values b:values", select},
      {"clip", "x:numbers alpha:number beta:number", clip},
      {"threshold", "x:numbers alpha:number", threshold},
      {"abs", "x:numbers", unary<absolute>},
      {"neg", "x:numbers", unary<negative>},
      {"sign", "x:numbers", unary<sign>},
      {"square", "x:numbers", unary<square>},
      {"sqrt", "x:floats", unary<root, map1<table::sqrt>>},
      {"exp", "x:floats", unary<exponential, map1<table::exp>>},
      {"exp2", "x:numbers", unary<exponential2, map1<table::exp2>>},
      {"erf", "x:floats", unary<error_function, map1<table::erf>>},
      {"floor", "x:floats", unary<floor_of>},
      {"ceil", "x:floats", unary<ceil_of>},
      {"round", "x:floats", unary<round_of>},
      {"sin", "x:floats", unary<sine, map1<table::sin>>},
      {"cos", "x:floats", unary<cosine, map1<table::cos>>},
      {"tan", "x:floats", unary<tangent>},
      {"asin", "x:floats", unary<arcsine>},
      {"acos", "x:floats", unary<arccosine>},
      {"atan", "x:floats", unary<arctangent>},
      {"sinh", "x:floats", unary<hyperbolic_sine>},
      {"cosh", "x:floats", unary<hyperbolic_cosine>},
      {"tanh", "x:floats", unary<hyperbolic_tangent, map1<table::tanh>>},
      {"asinh", "x:floats", unary<area_sine>},
      {"acosh", "x:floats", unary<area_cosine>},
      {"atanh", "x:floats", unary<area_tangent>},
      // Without `epsilon` the engine's compiler refuses these three.
      {"rsqrt", "x:floats epsilon:scalar", with_epsilon<inverse_root, table::rsqrt>},
      {"log", "x:floats epsilon:scalar", with_epsilon<logarithm, table::log>},
      {"inverse", "x:floats epsilon:scalar", with_epsilon<inverse, table::inverse>},
  };
  return list;
}

}  // namespace anec::emulator
