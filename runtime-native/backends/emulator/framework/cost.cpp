// The constants of each chip, and one formula.

#include "cost.h"

#include <algorithm>
#include <string_view>

namespace anec::emulator {
namespace {

// As in compiler/target/cost_constants.ts, which fits them to published measurements.
struct ChipCost {
  std::string_view chip;
  double dispatch_ms, product_tflops, stream_gbs, weight_gbs;
};
constexpr ChipCost chips[] = {
    {"m1", 0.202, 4.86, 2.37, 51.3},     {"m1_pro", 0.209, 5.4, 9.85, 33.7},
    {"m1_max", 0.231, 4.86, 8.05, 51},   {"m1_ultra", 0.231, 4.86, 8.05, 51},
    {"m2", 0.0793, 4.71, 7.69, 50.9},    {"m2_pro", 0.0793, 4.71, 7.69, 50.9},
    {"m2_max", 0.0762, 6.77, 5.1, 51},   {"m2_ultra", 0.0762, 6.77, 5.1, 51},
    {"m3", 0.11, 16.8, 4.47, 78},        {"m3_pro", 0.11, 16.8, 4.47, 78},
    {"m3_max", 0.116, 16.8, 23.3, 130},  {"m3_ultra", 0.156, 16.5, 13.9, 78},
    {"m4", 0.0724, 17.4, 13.6, 59.2},    {"m4_pro", 0.0346, 17, 6.94, 157},
    {"m4_max", 0.0733, 16, 26.6, 67},    {"m5", 0.104, 16.7, 32.7, 144},
    {"m5_pro", 0.0811, 13.7, 25.1, 151}, {"m5_max", 0.0811, 13.7, 25.1, 151},
};

// Beyond this many bytes at once the engine goes through main memory and is slower (reported).
constexpr double spill_bytes = 32.0 * 1024 * 1024;
constexpr double spill_factor = 1.3;

}  // namespace

int64_t predicted_ns(const std::string& chip, std::span<const OpCost> ops, int64_t port_bytes) {
  const auto found = std::find_if(std::begin(chips), std::end(chips),
                                  [&](const ChipCost& c) { return c.chip == chip; });
  const ChipCost& cost = found != std::end(chips) ? *found : chips[std::size(chips) - 2];
  double flops = 0, weight_bytes = 0, widest = 0;
  for (const OpCost& op : ops) {
    if (op.is_constant) continue;
    flops += static_cast<double>(op.flops);
    weight_bytes += static_cast<double>(op.weight_bytes);
    widest = std::max(widest, static_cast<double>(op.bytes_read + op.bytes_written));
  }
  const double compute = flops / (cost.product_tflops * 1e3);
  const double stream = static_cast<double>(port_bytes) / cost.stream_gbs;
  const double weights = weight_bytes / cost.weight_gbs;
  const double work =
      std::max({compute, stream, weights}) * (widest > spill_bytes ? spill_factor : 1);
  return static_cast<int64_t>(cost.dispatch_ms * 1e6 + work);
}

}  // namespace anec::emulator
