// Programs as their users see them: parsing, ports, evaluation.

#include <cstring>

#include "memory.h"

namespace anec::emulator {
namespace {

typedef int32_t Whole __attribute__((may_alias));

int64_t bytes_of(ElementType type) { return (bits_of(type) + 7) / 8; }

struct Rows {
  int64_t count, width, stride;  // stride in bytes
};

// Whether a view holds what a port needs, and how its rows lie.
anec::Result<Rows> rows_of(const Port& port, const TensorView& view) {
  const auto refuse = [&](const std::string& problem) {
    return Error{"E0645", "port `" + port.name + "` " + problem, ""};
  };
  const bool converts = is_float(port.type) && is_float(view.type);
  if (view.type != port.type && !converts)
    return refuse(std::string("holds ") + name_of(port.type) + ", not " + name_of(view.type));
  const int64_t size = size_of(port.shape), width = port.shape.empty() ? 1 : port.shape.back();
  const int64_t packed = width * bytes_of(view.type);
  const Rows rows{size / width, width, view.row_bytes == 0 ? packed : view.row_bytes};
  if (rows.stride < packed) return refuse("has rows of " + std::to_string(packed) + " bytes");
  const int64_t needed = (rows.count - 1) * rows.stride + packed;
  if (view.data == nullptr || view.bytes < size_t(needed))
    return refuse("needs " + std::to_string(needed) + " bytes, not " + std::to_string(view.bytes));
  return rows;
}

template <class T, class Convert>
void each_in(const std::byte* from, int64_t n, Convert convert) {
  for (int64_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, from + i * int64_t(sizeof(T)), sizeof(T));
    convert(i, value);
  }
}

template <class T, class Convert>
void each_out(std::byte* to, int64_t n, Convert convert) {
  for (int64_t i = 0; i < n; ++i) {
    const T value = convert(i);
    std::memcpy(to + i * int64_t(sizeof(T)), &value, sizeof(T));
  }
}

void load_row(const std::byte* from, ElementType type, int64_t n, float* cells) {
  Whole* whole = reinterpret_cast<Whole*>(cells);
  switch (type) {
    case ElementType::fp16:
      return each_in<uint16_t>(from, n, [=](int64_t i, uint16_t x) { cells[i] = half_value(x); });
    case ElementType::bf16:
      return each_in<uint16_t>(from, n, [=](int64_t i, uint16_t x) { cells[i] = brain_value(x); });
    case ElementType::fp32: std::memcpy(cells, from, size_t(n) * sizeof(float)); return;
    case ElementType::boolean:
      return each_in<uint8_t>(from, n, [=](int64_t i, uint8_t x) { whole[i] = x != 0; });
    default: break;
  }
  const bool is_signed = type < ElementType::uint1;
  const auto put = [=](int64_t i, auto x) { whole[i] = x; };
  switch (bytes_of(type)) {
    case 1: return is_signed ? each_in<int8_t>(from, n, put) : each_in<uint8_t>(from, n, put);
    case 2: return is_signed ? each_in<int16_t>(from, n, put) : each_in<uint16_t>(from, n, put);
    default: return each_in<int32_t>(from, n, put);
  }
}

void store_row(const float* cells, ElementType type, int64_t n, std::byte* to) {
  const Whole* whole = reinterpret_cast<const Whole*>(cells);
  switch (type) {
    case ElementType::fp16:
      return each_out<uint16_t>(to, n, [=](int64_t i) { return half_bits(cells[i]); });
    case ElementType::bf16:
      return each_out<uint16_t>(to, n, [=](int64_t i) {
        return uint16_t(std::bit_cast<uint32_t>(round_to_brain(cells[i])) >> 16);
      });
    case ElementType::fp32: std::memcpy(to, cells, size_t(n) * sizeof(float)); return;
    default: break;
  }
  switch (bytes_of(type)) {
    case 1: return each_out<uint8_t>(to, n, [=](int64_t i) { return uint8_t(whole[i]); });
    case 2: return each_out<uint16_t>(to, n, [=](int64_t i) { return uint16_t(whole[i]); });
    default: return each_out<int32_t>(to, n, [=](int64_t i) { return whole[i]; });
  }
}

// fp32 in memory becomes what the port holds, by nearest even; `ideal` keeps it.
void round_row(float* cells, int64_t n, const Port& port, const TensorView& view,
               const Numerics& numerics) {
  if (numerics.arithmetic == Arithmetic::ideal || view.type == port.type) return;
  const Numerics nearest_even{.arithmetic = Arithmetic::fast};
  for (int64_t at = 0; at < n; at += kBlock) {
    double block[kBlock];
    const int64_t count = n - at < kBlock ? n - at : kBlock;
    load_cells(cells + at, 1, count, port.type, false, block);
    store_cells(block, count, port.type, nearest_even, cells + at);
  }
}

}  // namespace

Function::Function(FunctionPlan plan) : plan_(std::move(plan)) {}
Function::~Function() = default;

anec::Result<Memory*> Function::memory_for(const Numerics& numerics, ThreadPool* pool) const {
  const int threads = pool == nullptr ? 1 : pool->threads();
  for (const auto& memory : memories_)
    if (memory->serves(numerics, threads)) return memory.get();
  auto made = Memory::create(plan_, numerics, pool);
  if (!made.ok()) return made.error();
  memories_.push_back(std::move(made.value()));
  return memories_.back().get();
}

anec::Result<void> Function::evaluate(std::span<const TensorView> in,
                                      std::span<const TensorView> out, const Numerics& numerics,
                                      ThreadPool* pool) const {
  if (in.size() != plan_.inputs.size() || out.size() != plan_.outputs.size()) {
    return Error{"E0645",
                 "function `" + plan_.name + "` has " + std::to_string(plan_.inputs.size()) +
                     " inputs and " + std::to_string(plan_.outputs.size()) + " outputs",
                 ""};
  }
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < out.size(); ++i)
    if (auto rows = rows_of(plan_.outputs[i], out[i]); !rows.ok()) return rows.error();
  for (size_t i = 0; i < in.size(); ++i)
    if (auto rows = rows_of(plan_.inputs[i], in[i]); !rows.ok()) return rows.error();
  auto memory = memory_for(numerics, pool);
  if (!memory.ok()) return memory.error();

  for (size_t i = 0; i < in.size(); ++i) {
    const Port& port = plan_.inputs[i];
    const Rows rows = rows_of(port, in[i]).value();
    float* cells = memory.value()->cells_of(plan_.input_slots[i]);
    const std::byte* from = static_cast<const std::byte*>(in[i].data);
    for (int64_t r = 0; r < rows.count; ++r) {
      load_row(from + r * rows.stride, in[i].type, rows.width, cells + r * rows.width);
      round_row(cells + r * rows.width, rows.width, port, in[i], numerics);
    }
  }
  if (auto done = memory.value()->run(false, pool); !done.ok()) return done;
  for (size_t i = 0; i < out.size(); ++i) {
    const Rows rows = rows_of(plan_.outputs[i], out[i]).value();
    const float* cells = memory.value()->cells_of(plan_.output_slots[i]);
    std::byte* to = static_cast<std::byte*>(out[i].data);
    for (int64_t r = 0; r < rows.count; ++r)
      store_row(cells + r * rows.width, out[i].type, rows.width, to + r * rows.stride);
  }
  return {};
}

Program::Program() = default;
Program::~Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;

const Function* Program::find(std::string_view name) const {
  if (name.empty() && functions_.size() == 1) return functions_[0].get();
  if (name.empty()) name = "main";
  for (const auto& f : functions_)
    if (f->plan().name == name) return f.get();
  return nullptr;
}

std::vector<std::string> Program::functions() const {
  std::vector<std::string> names;
  for (const auto& f : functions_) names.push_back(f->plan().name);
  return names;
}

std::span<const Port> Program::inputs(std::string_view function) const {
  const Function* f = find(function);
  return f == nullptr ? std::span<const Port>() : f->plan().inputs;
}

std::span<const Port> Program::outputs(std::string_view function) const {
  const Function* f = find(function);
  return f == nullptr ? std::span<const Port>() : f->plan().outputs;
}

std::span<const OpCost> Program::ops(std::string_view function) const {
  const Function* f = find(function);
  return f == nullptr ? std::span<const OpCost>() : f->plan().ops;
}

anec::Result<void> Program::evaluate(std::span<const TensorView> in,
                                     std::span<const TensorView> out, const Numerics& numerics,
                                     ThreadPool* pool, std::string_view function) const {
  const Function* f = find(function);
  if (f == nullptr)
    return Error{"E0645", "there is no function `" + std::string(function) + "`", ""};
  return f->evaluate(in, out, numerics, pool);
}

anec::Result<Program> parse_program(std::string_view text, WeightFiles files,
                                    const OpFilter& filter) {
  ProgramTree tree;
  Fault fault;
  if (!parse_tree(text, tree, fault)) return error_at(text, fault);
  Program program;
  for (const FunctionTree& f : tree.functions) {
    FunctionPlan plan;
    bool is_new = true;
    for (const auto& other : program.functions_) is_new = is_new && other->plan().name != f.name;
    if (!is_new) fault.set(f.at, "function `" + f.name + "` is defined twice");
    if (!is_new || !compile_function(f, files, filter, plan, fault)) return error_at(text, fault);
    program.functions_.push_back(std::make_unique<Function>(std::move(plan)));
  }
  if (tree.functions.empty()) return Error{"E0640", "1:1: the program has no functions", ""};
  return program;
}

}  // namespace anec::emulator
