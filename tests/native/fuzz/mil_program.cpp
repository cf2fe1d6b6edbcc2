// MIL text and a weight file behind it: read, planned, and run on zeros where it is small.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backends/emulator/mil/mil.h"

using namespace anec::emulator;

namespace {

// A program may ask for more than a case should take.
constexpr int64_t most_elements = 1 << 14;
constexpr int64_t most_flops = 1 << 22;

int64_t elements(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t d : shape) {
    if (d < 0 || d > most_elements) return most_elements + 1;
    n *= d;
    if (n > most_elements) return n;
  }
  return n;
}

struct Buffers {
  std::vector<std::vector<uint64_t>> memory;
  std::vector<TensorView> views;

  bool add(std::span<const Port> ports) {
    for (const Port& port : ports) {
      const int64_t n = elements(port.shape);
      if (n > most_elements) return false;
      auto& bytes = memory.emplace_back(static_cast<size_t>(n) + 1);
      views.push_back({bytes.data(), bytes.size() * 8, port.type, 0});
    }
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uint8_t* end = std::find(data, data + size, 0);
  const std::string_view text(reinterpret_cast<const char*>(data), static_cast<size_t>(end - data));
  const size_t used = std::min(size, text.size() + 1);
  const WeightFile file{"@model_path/weights/weight.bin", {data + used, size - used}};
  const auto program = parse_program(text, {&file, 1}, {});
  if (!program.ok()) return 0;
  int64_t flops = 0;
  for (const OpCost& op : program.value().ops()) {
    flops += op.flops + elements(op.shape);
    if (flops > most_flops || flops < 0) return 0;
  }
  Buffers in, out;
  in.memory.reserve(64);
  if (!in.add(program.value().inputs()) || !out.add(program.value().outputs())) return 0;
  for (const Arithmetic arithmetic : {Arithmetic::exact, Arithmetic::ideal})
    (void)program.value().evaluate(in.views, out.views, {arithmetic});
  return 0;
}
