// Compiled programs by identifier, and the engine that runs one of them at a time.

#include "service.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "cost.h"
#include "limits.h"
#include "state.h"

namespace anec::emulator {
namespace {

// Extents of a tensor: width and height are narrower before the M4 (fact: tensor_extents).
constexpr int64_t old_extent = 16384, new_extent = 65536;
constexpr int first_family_with_new_extents = 4;

struct Service {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const Compiled>> compiled;
  int64_t epoch = 1;
  // The engine runs one program at a time.
  std::mutex engine;
  std::unique_ptr<ThreadPool> pool;
};

Service& service() {
  static Service* service = new Service();
  return *service;
}

int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

Result<PortLayout> layout_of(const Port& port) {
  PortLayout layout;
  layout.name = port.name;
  layout.type = port.type;
  if (port.shape.size() > 4)
    return invalid("port `" + port.name + "` has more than four dimensions");
  int64_t* const sizes[] = {&layout.w, &layout.h, &layout.c, &layout.n};
  for (size_t i = 0; i < port.shape.size(); ++i) *sizes[i] = port.shape[port.shape.size() - 1 - i];
  const int64_t extent =
      options().family >= first_family_with_new_extents ? new_extent : old_extent;
  if (layout.w > extent || layout.h > extent || layout.c > new_extent || layout.n > new_extent) {
    const std::string wide = "[1-" + std::to_string(new_extent) + "]";
    const std::string narrow = "[1-" + std::to_string(extent) + "]";
    return invalid("Tensor dimensions N" + std::to_string(layout.n) + "D1C" +
                   std::to_string(layout.c) + "H" + std::to_string(layout.h) + "W" +
                   std::to_string(layout.w) + " are not within supported range, N" + wide + "D" +
                   narrow + "C" + wide + "H" + narrow + "W" + narrow + ".");
  }
  const int64_t element = port.type == ElementType::fp16 ? 2 : 4;
  layout.row = round_up(layout.w * element, options().row_alignment);
  layout.plane = layout.h * layout.row;
  layout.batch = layout.c * layout.plane;
  return layout;
}

// Ports in the order of binding, with their declared positions.
Result<void> bind(std::span<const Port> ports, bool inputs, std::vector<PortLayout>& layouts,
                  std::vector<size_t>& order) {
  for (size_t i = 0; i < ports.size(); ++i) order.push_back(i);
  if (options().alphabetical) {
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return ports[a].name < ports[b].name; });
  }
  const auto limit = static_cast<size_t>(options().input_limit);
  if (inputs && limit > 0 && order.size() > limit)
    std::reverse(order.begin() + static_cast<long>(limit), order.end());
  for (const size_t i : order) {
    auto layout = layout_of(ports[i]);
    if (!layout.ok()) return layout.error();
    layouts.push_back(layout.value());
  }
  return {};
}

int64_t total_bytes(const std::vector<PortLayout>& ports) {
  int64_t bytes = 0;
  for (const PortLayout& port : ports) bytes += port.bytes();
  return bytes;
}

// Bytes between the end of a row's values and the next row.
void clear_padding(const PortLayout& port, uint8_t* bytes) {
  const int64_t used = port.w * (port.type == ElementType::fp16 ? 2 : 4);
  if (used == port.row) return;
  for (int64_t row = 0; row < port.n * port.c * port.h; ++row)
    std::memset(bytes + row * port.row + used, 0, static_cast<size_t>(port.row - used));
}

}  // namespace

Result<std::shared_ptr<const Compiled>> compile_text(
    const std::string& mil, const std::vector<std::pair<std::string, std::string>>& weights) {
  std::vector<WeightFile> files;
  for (const auto& [path, bytes] : weights)
    files.push_back({path, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}});
  const auto refusal = [](std::string_view op) -> std::string {
    if (options().refused.contains(std::string(op)))
      return "the op `" + std::string(op) + "` is not supported here";
    return refusal_of(op, options().family);
  };
  auto parsed = parse_program(mil, files, refusal);
  if (!parsed.ok()) {
    const bool weights_are_wrong = parsed.error().code == "E0642";
    return Error{"", weights_are_wrong ? "CompilationFailure" : "InvalidMILProgram",
                 parsed.error().message};
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->program = std::move(parsed.value());
  int64_t inputs = 0, outputs = 0;
  for (const std::string& name : compiled->program.functions()) {
    Entry entry;
    entry.name = name;
    entry.first_input = inputs;
    entry.first_output = outputs;
    const auto in = compiled->program.inputs(name), out = compiled->program.outputs(name);
    if (auto checked = check_limits(compiled->program, name, options().family); !checked.ok())
      return checked.error();
    if (auto bound = bind(in, true, entry.inputs, entry.input_order); !bound.ok())
      return bound.error();
    if (auto bound = bind(out, false, entry.outputs, entry.output_order); !bound.ok())
      return bound.error();
    entry.predicted_ns = predicted_ns(options().chip, compiled->program.ops(name),
                                      total_bytes(entry.inputs) + total_bytes(entry.outputs));
    inputs += static_cast<int64_t>(in.size());
    outputs += static_cast<int64_t>(out.size());
    compiled->entries.push_back(std::move(entry));
  }
  return std::shared_ptr<const Compiled>(std::move(compiled));
}

std::shared_ptr<const Compiled> find_compiled(const std::string& identifier) {
  const std::lock_guard guard(service().mutex);
  const auto found = service().compiled.find(identifier);
  return found == service().compiled.end() ? nullptr : found->second;
}

void keep_compiled(const std::string& identifier, std::shared_ptr<const Compiled> program) {
  const std::lock_guard guard(service().mutex);
  service().compiled[identifier] = std::move(program);
}

void drop_compiled(const std::string& identifier) {
  const std::lock_guard guard(service().mutex);
  service().compiled.erase(identifier);
}

void forget_compiled() {
  const std::lock_guard guard(service().mutex);
  service().compiled.clear();
}

int64_t service_epoch() {
  const std::lock_guard guard(service().mutex);
  return service().epoch;
}

void restart_service() {
  const std::lock_guard guard(service().mutex);
  ++service().epoch;
  if (options().restart_forgets) service().compiled.clear();
  ++counters().restarts;
  counters().loaded = 0;
}

Outcome run(const Compiled& program, const Entry& entry, const std::vector<SurfaceMemory*>& inputs,
            const std::vector<SurfaceMemory*>& outputs) {
  std::vector<TensorView> in(inputs.size()), out(outputs.size());
  const auto view = [](const PortLayout& port, SurfaceMemory* surface) {
    return TensorView{surface->bytes, static_cast<size_t>(surface->size), port.type, port.row};
  };
  for (size_t i = 0; i < inputs.size(); ++i)
    in[entry.input_order[i]] = view(entry.inputs[i], inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i)
    out[entry.output_order[i]] = view(entry.outputs[i], outputs[i]);

  const std::lock_guard engine(service().engine);
  for (SurfaceMemory* surface : inputs) surface->expect_unchanged("evaluation");
  for (SurfaceMemory* surface : outputs) surface->expect_unchanged("evaluation");
  if (options().threads > 1 &&
      (service().pool == nullptr || service().pool->threads() != options().threads)) {
    auto pool = ThreadPool::create(options().threads);
    if (!pool.ok()) return pool.error();
    service().pool = std::move(pool.value());
  }
  ThreadPool* pool = options().threads > 1 ? service().pool.get() : nullptr;

  const auto start = std::chrono::steady_clock::now();
  if (options().jitter_us > 0)
    std::this_thread::sleep_for(std::chrono::microseconds(random_below(options().jitter_us)));
  if (options().paced) {
    std::this_thread::sleep_until(start + std::chrono::nanoseconds(entry.predicted_ns));
    for (size_t i = 0; i < outputs.size(); ++i)
      std::memset(outputs[i]->bytes, 0, static_cast<size_t>(entry.outputs[i].bytes()));
  }
  auto done = options().paced ? Result<void>{}
                              : program.program.evaluate(in, out, options().numerics, pool, entry.name);
  const auto spent = std::chrono::steady_clock::now() - start;
  counters().wall_ns += std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
  if (!done.ok()) return done;
  counters().predicted_ns += entry.predicted_ns;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (options().zero_padding) clear_padding(entry.outputs[i], outputs[i]->bytes);
    outputs[i]->seal();
  }
  return {};
}

}  // namespace anec::emulator
