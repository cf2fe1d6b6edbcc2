// Which surface of a request is which port, and how its rows lie.
//
// A compiled program says so itself in `modelAttributes`: its symbols in the order of the request,
// and the strides of each. Where it says nothing, both are computed: ports in the alphabetical
// order of their names (fact: port_order), rows of 64 bytes (fact: row_stride).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework.h"
#include "program_source.h"

namespace anec::ane {

// One position of a request.
struct BoundPort {
  int port = 0;        // index into the procedure's declared ports
  int64_t symbol = 0;  // the index the framework knows it by
};

struct BoundProcedure {
  int64_t id = 0;
  std::vector<BoundPort> inputs, outputs;             // in the order of the request
  std::vector<Layout> input_layouts, output_layouts;  // in the declared order
};

struct Binding {
  std::vector<BoundProcedure> procedures;  // as in the source
  bool reported = false;                   // by the compiled program, or computed
  std::string note;                        // why a report was not usable; may be empty
};

// By name and by rule. The source has been checked.
Binding computed_binding(const ProgramSource& source);

// What the program's attributes say, or the computed binding with a note.
Binding binding_of(const Framework& framework, Id attributes, const ProgramSource& source);

}  // namespace anec::ane
