// Programs, surfaces and calls by number: what a schedule is carried out on.
//
//     const int layer = workspace.add_program(source).value();
//     const int x = workspace.add_surface(workspace.input_layout(layer, 0)).value();
//     const int y = workspace.add_surface(workspace.output_layout(layer, 0)).value();
//     const int call = workspace.add_call(layer, {x}, {y}).value();
//     workspace.run(call);                    // nothing is allocated here
//
// Two programs that name the same surface share it: the output of one is the input of the other.

#pragma once

#include <memory>
#include <vector>

#include "device.h"
#include "program_cache.h"

namespace anec::ane {

class Workspace {
 public:
  // The cache and its device outlive the workspace.
  Workspace(Device& device, ProgramCache& cache) : device_(device), cache_(cache) {}
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Programs of equal content are one program and get the same number.
  Result<int> add_program(const ProgramSource& source);
  Result<int> add_surface(const Layout& layout);
  // Surfaces in the declared order of the procedure's ports. Everything that can be wrong with the
  // combination is found here.
  Result<int> add_call(int program, std::vector<int> inputs, std::vector<int> outputs,
                       int procedure = 0);

  Result<void> run(int call);

  int programs() const { return static_cast<int>(programs_.size()); }
  int surfaces() const { return static_cast<int>(surfaces_.size()); }
  int calls() const { return static_cast<int>(calls_.size()); }
  // By number; the number must exist.
  Program& program(int index) const { return *programs_[static_cast<size_t>(index)]; }
  Surface& surface(int index) const { return *surfaces_[static_cast<size_t>(index)]; }
  Device& device() const { return device_; }

 private:
  struct Call {
    Program* program;
    int procedure;
    std::vector<Surface*> inputs, outputs;
  };

  Device& device_;
  ProgramCache& cache_;
  std::vector<Program*> programs_;
  std::vector<std::unique_ptr<Surface>> surfaces_;
  std::vector<Call> calls_;
};

}  // namespace anec::ane
