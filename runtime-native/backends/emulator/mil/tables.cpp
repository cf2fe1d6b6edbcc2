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
  return std::copysign(table.at(std::fabs(x)), x);
}

double erf(double x) {
  static const Table table(0, 1.0 / 16, [](double v) { return std::erf(v); });
  return std::copysign(table.at(std::fabs(x)), x);
}

double gelu(double x) {
  static const Table table(-4, 0.25, [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); });
  return x > 4 ? x : x < -4 ? 0 : table.at(x);
}

double silu(double x) {
  static const Table table(-8, 0.5, [](double v) { return v * plain_sigmoid(v); });
  return x > 8 ? x : x < -8 ? 0 : table.at(x);
}

double softplus(double x) {
  if (x >= std::log(65504.0)) return 0;
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}

double exp2(double x) {
  static const Table table(0, 1.0 / 32, power_of_two);
  const double whole = std::floor(x);
  if (whole > 20) return kInfinity;
  if (whole < -40) return 0;
  return std::ldexp(table.at(x - whole), int(whole));
}

double exp(double x) { return exp2(x * 1.4426950408889634); }

double sin(double x) {
  static const Table table(0, M_PI / 64, [](double v) { return std::sin(v); });
  const double quarters = std::floor(x / (M_PI / 2));
  const double rest = x - quarters * (M_PI / 2);
  const int quarter = int(std::fmod(std::fmod(quarters, 4) + 4, 4));
  const double size = table.at((quarter & 1) != 0 ? M_PI / 2 - rest : rest);
  return quarter >= 2 ? -size : size;
}

double cos(double x) { return sin(x + M_PI / 2); }

double sqrt(double x) { return std::sqrt(x); }
double log(double x, double epsilon) { return std::log(x + epsilon); }
double rsqrt(double x, double epsilon) { return 1 / std::sqrt(x + epsilon); }
double inverse(double x, double epsilon) { return 1 / (x + epsilon); }

}  // namespace anec::emulator::table
