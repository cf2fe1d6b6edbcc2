// A compiled function: its values, constants and steps. Nothing here changes when it runs, except
// the memory that `Function::evaluate` plans once for each kind of numerics.

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.h"

namespace anec::emulator {

// Cells of a constant. `rounded` is what storing them as their type makes of them, and empty if
// that changes nothing.
struct Constant {
  std::vector<uint32_t> cells;
  std::vector<uint32_t> rounded;
};

// A value of a function: an element type and shape, and the storage that its cells are in. A view
// shares the storage of what it views.
struct Slot {
  ElementType type;
  Shape shape;
  int storage;
};

struct Storage {
  int64_t cells = 0;
  int constant = -1;         // number of the constant, if it is one
  bool is_constant = false;  // known before the function runs
  int first = -1;            // the step that writes it; -1 for inputs
  int last = -1;             // the last step that reads it; one behind the last for outputs
};

struct Step {
  Kernel kernel;
  std::vector<int> in, out;  // slots
  int64_t scratch, thread_scratch;
  bool is_constant;  // all operands are: it runs once, when memory is planned
  uint32_t at;
};

struct FunctionPlan {
  std::string name;
  std::vector<Port> inputs, outputs;
  std::vector<int> input_slots, output_slots;
  std::vector<Slot> slots;
  std::vector<Storage> storages;
  std::vector<Constant> constants;
  std::vector<Step> steps;
  std::vector<OpCost> ops;
  std::vector<std::unique_ptr<Literal>> literals;
};

// Memory for one kind of arithmetic and number of threads.
class Memory;

class Function {
 public:
  explicit Function(FunctionPlan plan);
  ~Function();

  const FunctionPlan& plan() const { return plan_; }
  anec::Result<void> evaluate(std::span<const TensorView> in, std::span<const TensorView> out,
                              const Numerics& numerics, ThreadPool* pool) const;

 private:
  anec::Result<Memory*> memory_for(const Numerics& numerics, ThreadPool* pool) const;

  FunctionPlan plan_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Memory>> memories_;
};

// Compiles a function of a parsed program; false after a fault.
bool compile_function(const FunctionTree& tree, WeightFiles files, const OpFilter& filter,
                      FunctionPlan& out, Fault& fault);

}  // namespace anec::emulator
