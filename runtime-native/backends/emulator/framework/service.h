// The emulated engine and the system service in front of it: what is compiled, loaded and run.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../mil/mil.h"
#include "anec/result.h"
#include "surface_memory.h"

namespace anec::emulator {

// Where one port's rows lie in its surface.
struct PortLayout {
  std::string name;
  ElementType type = ElementType::fp16;
  int64_t n = 1, c = 1, h = 1, w = 1;
  int64_t row = 0, plane = 0, batch = 0;  // bytes

  int64_t bytes() const { return n * batch; }
};

// One function, its ports in the order the engine binds them.
struct Entry {
  std::string name;
  std::vector<PortLayout> inputs, outputs;
  std::vector<size_t> input_order, output_order;  // bound position → declared position
  int64_t first_input = 0, first_output = 0;      // symbols of earlier functions
  int64_t predicted_ns = 0;
};

struct Compiled {
  Program program;
  std::vector<Entry> entries;
};

// What a failing call reports.
struct Refusal {
  const char* domain;
  int64_t code;
  std::string description;
  std::string reason;  // the emulator's own words; may be empty
};
using Outcome = Result<void>;

// Reads and checks a program as the compiler would. The error's message is the framework's word for
// it ("InvalidMILProgram", "CompilationFailure"), its detail the emulator's own.
Result<std::shared_ptr<const Compiled>> compile_text(
    const std::string& mil, const std::vector<std::pair<std::string, std::string>>& weights);

// What the service has compiled, by the program's identifier.
std::shared_ptr<const Compiled> find_compiled(const std::string& identifier);
void keep_compiled(const std::string& identifier, std::shared_ptr<const Compiled> program);
void drop_compiled(const std::string& identifier);
void forget_compiled();

// A restart of the service changes its epoch; what was loaded in another one is gone.
int64_t service_epoch();
void restart_service();

// Runs a function. Surfaces are in the order of binding and big enough. An error's detail is the
// emulator's own word.
Outcome run(const Compiled& program, const Entry& entry, const std::vector<SurfaceMemory*>& inputs,
            const std::vector<SurfaceMemory*>& outputs);

}  // namespace anec::emulator
