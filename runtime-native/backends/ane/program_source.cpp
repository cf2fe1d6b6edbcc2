// What can be wrong with a program before anybody compiles it, and its digest.

#include "program_source.h"

#include <set>

#include "digest.h"
#include "files.h"

namespace anec::ane {
namespace {

constexpr std::string_view model_path = "@model_path/";

Error source_error(const ProgramSource& source, const std::string& what) {
  return Error{"E0626", "program `" + source.name + "` " + what, ""};
}

Result<void> check_ports(const ProgramSource& source, const std::vector<Port>& ports) {
  std::set<std::string> names;
  for (const Port& port : ports) {
    if (port.name.empty() || !names.insert(port.name).second)
      return source_error(source,
                          "has two ports of one name, or a port without: `" + port.name + "`");
    auto layout = Layout::of(port.type, port.shape);
    if (!layout.ok()) return layout.error();
  }
  return {};
}

}  // namespace

std::string weight_file(const std::string& path) {
  if (!path.starts_with(model_path)) return "";
  const std::string relative = path.substr(model_path.size());
  return is_inside(relative) && relative != model_file ? relative : "";
}

Result<void> ProgramSource::check() const {
  if (mil.empty()) return source_error(*this, "has no text");
  if (procedures.empty()) return source_error(*this, "has no procedure");
  std::set<std::string> functions, files;
  for (const Procedure& procedure : procedures) {
    if (!functions.insert(procedure.name).second)
      return source_error(*this, "has two procedures named `" + procedure.name + "`");
    if (procedure.outputs.empty()) return source_error(*this, "has a procedure without outputs");
    for (const auto* ports : {&procedure.inputs, &procedure.outputs})
      if (auto checked = check_ports(*this, *ports); !checked.ok()) return checked;
  }
  for (const WeightFile& file : weights) {
    const std::string relative = weight_file(file.path);
    if (relative.empty() || !files.insert(relative).second)
      return source_error(*this, "has a weight file it cannot have, or twice: `" + file.path + "`");
  }
  return {};
}

std::string ProgramSource::digest() const {
  Sha256 sum;
  const auto number = [&](int64_t value) { sum.add_field(std::to_string(value)); };
  sum.add_field(mil);
  sum.add_field(options);
  for (const WeightFile& file : weights) {
    sum.add_field(file.path);
    sum.add_field(file.bytes);
  }
  for (const Procedure& procedure : procedures) {
    sum.add_field(procedure.name);
    for (const auto* ports : {&procedure.inputs, &procedure.outputs}) {
      number(static_cast<int64_t>(ports->size()));
      for (const Port& port : *ports) {
        sum.add_field(port.name);
        number(size_of(port.type));
        number(static_cast<int64_t>(port.shape.size()));
        for (const int64_t size : port.shape) number(size);
      }
    }
  }
  return sum.hex();
}

}  // namespace anec::ane
