// Reads `modelAttributes`. A description that cannot be true is not used at all.

#include "binding.h"

#include <algorithm>
#include <string_view>

#include "objects.h"

namespace anec::ane {
namespace {

constexpr std::string_view output_suffix = key::output_suffix;

// Positions of the ports in the alphabetical order of their names, numbered from `first`.
std::vector<BoundPort> alphabetical(const std::vector<Port>& ports, int64_t first) {
  std::vector<BoundPort> bound(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) bound[i].port = static_cast<int>(i);
  std::sort(bound.begin(), bound.end(), [&](const BoundPort& a, const BoundPort& b) {
    return ports[static_cast<size_t>(a.port)].name < ports[static_cast<size_t>(b.port)].name;
  });
  for (BoundPort& port : bound) port.symbol = first++;
  return bound;
}

std::vector<Layout> computed_layouts(const std::vector<Port>& ports) {
  std::vector<Layout> layouts;
  for (const Port& port : ports) layouts.push_back(Layout::of(port.type, port.shape).value());
  return layouts;
}

std::string plain_name(std::string name) {
  if (name.ends_with(output_suffix)) name.resize(name.size() - output_suffix.size());
  return name;
}

// The keys of one direction, and what is read with them.
struct Side {
  const Framework& f;
  const std::vector<Port>& ports;
  Id symbols;  // names of all symbols of the program
  Id indices;  // those of this procedure, in the order of its requests
  Id live;     // strides, one dictionary a port; may be nil
};

// Empty if every port of ours is named exactly once.
std::string read_order(const Side& side, std::vector<BoundPort>& bound) {
  const int64_t count = length_of(side.f, side.indices);
  if (count != static_cast<int64_t>(side.ports.size()))
    return "it lists " + std::to_string(count) + " of " + std::to_string(side.ports.size()) +
           " ports";
  std::vector<bool> seen(side.ports.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t symbol = number_of(side.f, item_of(side.f, side.indices, i), -1);
    const std::string name = plain_name(text_of(side.f, item_of(side.f, side.symbols, symbol)));
    const auto found = std::find_if(side.ports.begin(), side.ports.end(),
                                    [&](const Port& port) { return port.name == name; });
    const auto index = static_cast<size_t>(found - side.ports.begin());
    if (found == side.ports.end() || seen[index]) return "it lists a port `" + name + "`";
    seen[index] = true;
    bound.push_back({static_cast<int>(index), symbol});
  }
  return "";
}

// Empty if the strides of every port listed are ones its values fit into.
std::string read_strides(const Side& side, std::vector<Layout>& layouts) {
  for (int64_t i = 0; i < length_of(side.f, side.live); ++i) {
    const Id entry = item_of(side.f, side.live, i);
    std::string name = plain_name(text_of(side.f, value_of(side.f, entry, key::port_name)));
    if (name.empty()) name = plain_name(text_of(side.f, value_of(side.f, entry, key::port_symbol)));
    const auto found = std::find_if(side.ports.begin(), side.ports.end(),
                                    [&](const Port& port) { return port.name == name; });
    if (found == side.ports.end()) return "it has strides of a port `" + name + "`";
    Layout& layout = layouts[static_cast<size_t>(found - side.ports.begin())];
    const auto number = [&](const char* key, int64_t otherwise) {
      return number_of(side.f, value_of(side.f, entry, key), otherwise);
    };
    if (number(key::interleave, 1) != 1 || number(key::depth, 1) != 1)
      return "port `" + name + "` is interleaved";
    const std::string type = text_of(side.f, value_of(side.f, entry, key::type));
    const char* expected = layout.type == ElementType::fp16 ? key::fp16 : key::fp32;
    if (!type.empty() && type != expected) return "port `" + name + "` is of " + type;

    Layout reported = layout;
    reported.batches = number(key::batches, layout.batches);
    reported.channels = number(key::channels, layout.channels);
    reported.height = number(key::height, layout.height);
    reported.width = number(key::width, layout.width);
    reported.row_stride = number(key::row_stride, layout.row_stride);
    reported.plane_stride = number(key::plane_stride, layout.plane_stride);
    reported.batch_stride = number(key::batch_stride, layout.batch_stride);
    if (!reported.is_sound() || reported.elements() != layout.elements())
      return "port `" + name + "` cannot lie like that: " + reported.text();
    layout = reported;
  }
  return "";
}

std::string read_procedure(const Framework& f, Id attributes, const Procedure& source, size_t index,
                           BoundProcedure& bound) {
  const Id description = value_of(f, attributes, key::model_description);
  const Id ids = value_of(f, description, key::procedure_ids);
  const Id procedures = value_of(f, description, key::procedures);
  bound.id = number_of(f, value_of(f, ids, source.name), static_cast<int64_t>(index));

  Id procedure = nullptr;
  for (int64_t i = 0; i < length_of(f, procedures); ++i) {
    const Id candidate = item_of(f, procedures, i);
    if (number_of(f, value_of(f, candidate, key::procedure_id), i) == bound.id)
      procedure = candidate;
  }
  if (procedure == nullptr) return "it has no procedure `" + source.name + "`";

  const Id status = item_of(f, value_of(f, attributes, key::network_status), bound.id);
  const Side inputs{f, source.inputs, value_of(f, description, key::input_symbols),
                    value_of(f, procedure, key::input_indices),
                    value_of(f, status, key::live_inputs)};
  const Side outputs{f, source.outputs, value_of(f, description, key::output_symbols),
                     value_of(f, procedure, key::output_indices),
                     value_of(f, status, key::live_outputs)};
  bound.inputs.clear();
  bound.outputs.clear();
  if (auto fault = read_order(inputs, bound.inputs); !fault.empty()) return fault;
  if (auto fault = read_order(outputs, bound.outputs); !fault.empty()) return fault;
  if (auto fault = read_strides(inputs, bound.input_layouts); !fault.empty()) return fault;
  return read_strides(outputs, bound.output_layouts);
}

}  // namespace

Binding computed_binding(const ProgramSource& source) {
  Binding binding;
  int64_t first_input = 0, first_output = 0;
  for (const Procedure& procedure : source.procedures) {
    BoundProcedure bound;
    bound.id = static_cast<int64_t>(binding.procedures.size());
    bound.inputs = alphabetical(procedure.inputs, first_input);
    bound.outputs = alphabetical(procedure.outputs, first_output);
    bound.input_layouts = computed_layouts(procedure.inputs);
    bound.output_layouts = computed_layouts(procedure.outputs);
    first_input += static_cast<int64_t>(procedure.inputs.size());
    first_output += static_cast<int64_t>(procedure.outputs.size());
    binding.procedures.push_back(std::move(bound));
  }
  return binding;
}

Binding binding_of(const Framework& f, Id attributes, const ProgramSource& source) {
  Binding binding = computed_binding(source);
  if (value_of(f, attributes, key::model_description) == nullptr) return binding;
  Binding reported = binding;
  for (size_t i = 0; i < source.procedures.size(); ++i) {
    const std::string fault =
        read_procedure(f, attributes, source.procedures[i], i, reported.procedures[i]);
    if (fault.empty()) continue;
    binding.note = "the compiled program's description of its ports is not usable: " + fault;
    return binding;
  }
  reported.reported = true;
  return reported;
}

}  // namespace anec::ane
