// The commands of an engine: their size rules, their checks, and how they are run.

#include <string>

#include "anec/engine.h"

namespace anec {
namespace {

void describe_place(Shape& s) {
  s.dim("surface");
  const bool channels = s.choice("layout", 2) == 1;
  const int64_t lead = s.positive("lead"), rows = s.positive("rows"), columns = s.positive("columns");
  const int64_t count = s.positive("blocks");
  const Count height = Count(lead) * (channels ? columns : rows);
  const int64_t width = channels ? rows : columns;
  Count covered = 0;
  int64_t first = 0;
  for (int64_t i = 0; i < count && s.ok(); ++i) {
    s.dim("row");
    s.dim("column");
    const int64_t block_rows = s.positive("block rows");
    if (i == 0) first = block_rows;
    s.require(i + 1 == count || block_rows == first, "blocks differ in their rows");
    s.require(s.positive("block columns") == width, "a block is not as wide as the value");
    covered = covered + block_rows;
  }
  s.require(covered.n == height.n, "the blocks do not hold the value");
  s.operand(0, DType::f32, Count(lead) * rows * columns);
}

void describe_copy(Shape& s) {
  for (const char* what : {"from", "to", "fromRow", "fromColumn", "toRow", "toColumn"}) s.dim(what);
  s.positive("rows");
  s.positive("columns");
}

void describe_call(Shape& s) { s.dim("call"); }

constexpr Kernel write_kernel{"engine_write", describe_place, nullptr};
constexpr Kernel stage_kernel{"engine_stage", describe_place, nullptr};
constexpr Kernel read_kernel{"engine_read", describe_place, nullptr};
constexpr Kernel copy_kernel{"engine_copy", describe_copy, nullptr};
constexpr Kernel call_kernel{"engine_call", describe_call, nullptr};

Error unfit(const std::string& complaint) {
  return Error{"E0603", "the plan is malformed: " + complaint, ""};
}

Result<void> check_rectangle(const Engine& engine, int64_t surface, const EnginePlace::Block& b) {
  if (surface >= engine.surfaces()) return unfit("it has no surface " + std::to_string(surface));
  const Engine::Extent has = engine.extent(surface);
  if (b.row > has.rows - b.rows || b.column > has.columns - b.columns) {
    return unfit("a block of " + std::to_string(b.rows) + " x " + std::to_string(b.columns) +
                 " at row " + std::to_string(b.row) + ", column " + std::to_string(b.column) +
                 " leaves surface " + std::to_string(surface));
  }
  return {};
}

}  // namespace

std::span<const Kernel* const> engine_kernels() {
  static constexpr const Kernel* list[] = {&write_kernel, &stage_kernel, &read_kernel, &copy_kernel,
                                           &call_kernel};
  return list;
}

bool is_engine_call(const Kernel& kernel) { return &kernel == &call_kernel; }

Result<void> check_engine_command(const Engine& engine, const Kernel& kernel, const int64_t* ints) {
  if (&kernel == &call_kernel) {
    if (ints[0] < engine.calls()) return {};
    return unfit("it has no call " + std::to_string(ints[0]));
  }
  if (&kernel == &copy_kernel) {
    const EngineCopy c = EngineCopy::of(ints);
    auto from = check_rectangle(engine, c.from, {c.from_row, c.from_column, c.rows, c.columns});
    if (!from.ok()) return from;
    return check_rectangle(engine, c.to, {c.to_row, c.to_column, c.rows, c.columns});
  }
  const EnginePlace place = EnginePlace::of(ints);
  for (int64_t i = 0; i < place.count; ++i) {
    auto fits = check_rectangle(engine, place.surface, place.block(i));
    if (!fits.ok()) return fits;
  }
  return {};
}

Result<void> run_engine_command(Engine& engine, const Kernel& kernel, const int64_t* ints,
                                float* value) {
  if (&kernel == &call_kernel) return engine.call(ints[0]);
  if (&kernel == &copy_kernel) return engine.copy(EngineCopy::of(ints));
  const EnginePlace place = EnginePlace::of(ints);
  if (&kernel == &stage_kernel) return engine.stage(place, value);
  return &kernel == &write_kernel ? engine.write(place, value) : engine.read(place, value);
}

}  // namespace anec
