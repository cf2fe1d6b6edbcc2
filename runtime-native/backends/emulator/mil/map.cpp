// Broadcasts operands, and calls a function on blocks of their elements.

#include "map.h"

namespace anec::emulator {
namespace {

constexpr size_t kMostOperands = 6;

struct MappedOperand {
  int in;
  ElementType type;
  Shape strides;  // of the result's dimensions
};

struct Plan {
  std::vector<MappedOperand> operands;
  Shape shape;  // of the result, with dimensions merged that all operands read alike
  ElementType type;
  MapFunction function;
  MapOptions options;
};

// Dimension i + 1 follows i in every operand: they are one dimension.
void merge(Plan& plan) {
  for (size_t i = plan.shape.size(); i-- > 1;) {
    bool whole = true;
    for (const MappedOperand& o : plan.operands)
      whole = whole && o.strides[i - 1] == o.strides[i] * plan.shape[i];
    if (!whole && plan.shape[i - 1] != 1 && plan.shape[i] != 1) continue;
    for (MappedOperand& o : plan.operands) {
      const size_t keep = plan.shape[i] == 1 ? i - 1 : i;
      o.strides[i - 1] = o.strides[keep];
      o.strides.erase(o.strides.begin() + ptrdiff_t(i));
    }
    plan.shape[i - 1] *= plan.shape[i];
    plan.shape.erase(plan.shape.begin() + ptrdiff_t(i));
  }
}

// Elements begin .. end of the row of the last dimension that starts at dense place `row`.
void map_part(const Run& run, const Plan& plan, int64_t row, int64_t begin, int64_t end,
              const int64_t* starts) {
  double buffers[kMostOperands][kBlock], results[kBlock];
  const double* in[kMostOperands] = {};
  const MapFunction f =
      run.exact() && plan.options.exact != nullptr ? plan.options.exact : plan.function;
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t n = end - at < kBlock ? end - at : kBlock;
    for (size_t k = 0; k < plan.operands.size(); ++k) {
      const MappedOperand& o = plan.operands[k];
      const int64_t step = o.strides.back();
      load_cells(run.in[o.in] + starts[k] + at * step, step, n, o.type,
                 run.exact() && !plan.options.moves, buffers[k]);
      in[k] = buffers[k];
    }
    f(in, plan.options.constants.data(), results, n);
    store_cells(results, n, plan.type, run.numerics, run.out[0] + row + at);
  }
}

void run_map(const Run& run, const Plan& plan) {
  const int64_t width = plan.shape.back(), rows = size_of(plan.shape) / width;
  const auto part = [&](int64_t row, int64_t begin, int64_t end) {
    int64_t starts[kMostOperands] = {};
    int64_t rest = row;
    for (size_t d = plan.shape.size() - 1; d-- > 0;) {
      const int64_t index = rest % plan.shape[d];
      rest /= plan.shape[d];
      for (size_t k = 0; k < plan.operands.size(); ++k)
        starts[k] += index * plan.operands[k].strides[d];
    }
    map_part(run, plan, row * width, begin, end, starts);
  };
  if (rows == 1) {
    run.parallel(width, 4096, [&](int64_t begin, int64_t end, int) { part(0, begin, end); });
  } else {
    run.parallel(rows, 4096 / width + 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) part(row, 0, width);
    });
  }
}

}  // namespace

bool map(Call& c, std::vector<const Operand*> operands, MapFunction function, MapOptions options) {
  Plan plan;
  plan.function = function;
  plan.options = std::move(options);
  const auto& [type, shape] = c.result(0);
  plan.type = type;
  plan.shape = shape.empty() ? Shape{1} : shape;
  for (const Operand* o : operands)
    plan.operands.push_back({c.in(*o), o->type, broadcast_strides(o->shape, plan.shape)});
  merge(plan);
  c.flops(double(size_of(shape)));
  return c.run([plan = std::move(plan)](const Run& run) { run_map(run, plan); });
}

}  // namespace anec::emulator
