// Numbers to objects, each number checked.

#include "workspace.h"

#include <algorithm>

namespace anec::ane {
namespace {

Error no_such(const char* what, int index) {
  return Error{"E0626", std::string("there is no ") + what + " " + std::to_string(index), ""};
}

bool within(int index, size_t size) { return index >= 0 && index < static_cast<int>(size); }

}  // namespace

Workspace::~Workspace() {
  for (Program* program : programs_)
    for (const auto& surface : surfaces_) program->forget(*surface);
}

Result<int> Workspace::add_program(const ProgramSource& source) {
  auto program = cache_.get(source);
  if (!program.ok()) return program.error();
  const auto known = std::find(programs_.begin(), programs_.end(), program.value());
  if (known == programs_.end()) {
    programs_.push_back(program.value());
    return programs() - 1;
  }
  return static_cast<int>(known - programs_.begin());
}

Result<int> Workspace::add_surface(const Layout& layout) {
  auto surface = device_.surface(layout);
  if (!surface.ok()) return surface.error();
  surfaces_.push_back(std::move(surface.value()));
  return surfaces() - 1;
}

Result<int> Workspace::add_call(int program, std::vector<int> inputs, std::vector<int> outputs,
                                int procedure) {
  if (!within(program, programs_.size())) return no_such("program", program);
  Call call{programs_[static_cast<size_t>(program)], procedure, {}, {}};
  for (const auto& [numbers, surfaces] :
       {std::pair{&inputs, &call.inputs}, {&outputs, &call.outputs}}) {
    for (const int index : *numbers) {
      if (!within(index, surfaces_.size())) return no_such("surface", index);
      surfaces->push_back(surfaces_[static_cast<size_t>(index)].get());
    }
  }
  if (auto ready = call.program->prepare_request(call.inputs, call.outputs, procedure); !ready.ok())
    return ready.error();
  calls_.push_back(std::move(call));
  return calls() - 1;
}

Result<void> Workspace::run(int call) {
  if (!within(call, calls_.size())) return no_such("call", call);
  const Call& c = calls_[static_cast<size_t>(call)];
  return c.program->evaluate(c.inputs, c.outputs, c.procedure);
}

}  // namespace anec::ane
