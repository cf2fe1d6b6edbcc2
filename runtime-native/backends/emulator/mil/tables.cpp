// The points of the tables, and how arguments are brought into their range.

#include "tables.h"

#include <array>
#include <cmath>
#include <limits>

#include "half.h"

namespace anec::emulator::table {
namespace {

constexpr int kPoints = 33;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 33 points f(low), f(low + step), …, each an fp16 number.
struct Table {
  double low, step;
  std::array<double, kPoints> points;

  Table(double from, double by, double (*f)(double)) : low(from), step(by) {
    for (int i = 0; i < kPoints; ++i) points[size_t(i)] = round_to_half<true>(f(low + i * step));
  }

  // The line between the two points around x; beyond the ends, the points there.
  double at(double x) const {
    const double place = (x - low) / step;
    if (!(place > 0)) return points[0];
    if (place >= kPoints - 1) return points[kPoints - 1];
    const size_t i = size_t(place);
    return points[i] + (points[i + 1] - points[i]) * (place - double(i));
  }
};

double power_of_two(double x) { return std::exp2(x); }
double plain_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

double sigmoid(double x) {
  static const Table table(-8, 0.5, plain_sigmoid);
  return table.at(x);
}

double tanh(double x) {
  static const Table table(0, 0.125, [](double v) { return std::tanh(v); });
  return x < 0 ? -table.at(-x) : table.at(x);
}

double erf(double x) {
  static const Table table(0, 1.0 / 16, [](double v) { return std::erf(v); });
  const double size = std::fabs(x);
  const double y = size < 2 ? table.at(size) : std::fmin(1, table.at(2) + (size - 2) / 80);
  return x < 0 ? -y : y;
}

// The stored values are fitted; the published ones are taken, the others sampled.
double gelu(double x) {
  static const Table table = [] {
    Table made(-4, 0.25, [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); });
    made.points[16] = round_to_half<true>(-0.000754);  // at 0
    made.points[17] = round_to_half<true>(0.1436);     // at 1/4
    return made;
  }();
  return x > 4 ? x : x < -4 ? 0 : table.at(x);
}

double silu(double x) {
  static const Table table = [] {
    Table made(-8, 0.5, [](double v) { return v * plain_sigmoid(v); });
    made.points[17] = round_to_half<true>(0.296);  // at 1/2
    return made;
  }();
  return x > 8 ? x : x < -8 ? 0 : table.at(x);
}

// From ln 65504 on it is 0.
double softplus(double x) {
  static const double end = std::log(kHalfMax);
  return x >= end ? 0 : std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}

double exp2(double x) {
  static const Table table(0, 1.0 / 32, power_of_two);
  const double whole = std::floor(x);
  if (whole > 20) return kInfinity;
  if (whole < -40) return 0;
  return table.at(x - whole) * power_of_two(whole);
}

double exp(double x) { return exp2(x * 1.4426950408889634); }

double sin(double x) {
  static const Table table(0, M_PI / 64, [](double v) { return std::sin(v); });
  const double quarters = std::floor(x / (M_PI / 2));
  const double rest = x - quarters * (M_PI / 2);
  const double quarter = std::fmod(std::fmod(quarters, 4) + 4, 4);
  const double size = table.at(quarter == 1 || quarter == 3 ? M_PI / 2 - rest : rest);
  return quarter >= 2 ? -size : size;
}

// cos(∞) is 0.
double cos(double x) { return std::fabs(x) >= 65536 ? 0 : sin(x + M_PI / 2); }

namespace {

// f(x) for x = m · 4^e with m from 1/2 to 2; `power` is that of 2^e in the result.
double of_root(const Table& table, double x, int power) {
  int exponent;
  std::frexp(x, &exponent);
  const int e = exponent >= 0 ? exponent / 2 : -((1 - exponent) / 2);
  return std::ldexp(table.at(std::ldexp(x, -2 * e)), power * e);
}

}  // namespace

double sqrt(double x) {
  static const Table table(0, 1.0 / 16, [](double v) { return std::sqrt(v); });
  return x > 0 && x < kInfinity ? of_root(table, x, 1) : std::sqrt(x);
}

// Nothing below 2^-17 has a root or logarithm (fact: small_epsilon).
constexpr double kSmallest = 0x1p-17;

double rsqrt(double x, double epsilon) {
  static const Table table(0, 1.0 / 16,
                           [](double v) { return 1 / std::sqrt(std::fmax(v, 1.0 / 16)); });
  const double y = x + epsilon;
  if (y >= 0 && y < kSmallest) return kInfinity;
  return y > 0 && y < kInfinity ? of_root(table, y, -1) : 1 / std::sqrt(y);
}

// ln(∞) is 0.
double log(double x, double epsilon) {
  const double y = x + epsilon;
  if (y >= 0 && y < kSmallest) return -kInfinity;
  return y >= 65536 ? 0 : std::log(y);
}

double inverse(double x, double epsilon) {
  const double y = x + epsilon;
  return std::fabs(y) < kSmallest ? std::copysign(kInfinity, y) : 1 / y;
}

}  // namespace anec::emulator::table
