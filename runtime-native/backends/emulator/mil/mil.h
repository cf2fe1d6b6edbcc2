// MIL text, executed: what the emulated engine computes.
//
//     auto program = parse_program(text, files);          // an error says line:column
//     program.value().evaluate(in, out, {Arithmetic::exact});
//
// A second implementation beside compiler/mil: it shares no code and no table with the TypeScript
// one, and tests hold both against each other. It is strict. Whatever is not understood in full (a
// malformed text, an op it cannot compute, a weight file that does not fit) is an error when the
// program is parsed, so evaluation fails only for data that does not fit the ports.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anec/result.h"
#include "anec/thread_pool.h"

namespace anec::emulator {

enum class ElementType : uint8_t {
  fp16, fp32, fp64, bf16, boolean, string,
  int4, int8, int16, int32, int64,
  uint1, uint2, uint3, uint4, uint6, uint8, uint16, uint32, uint64,
};

// `fp16`, as MIL spells it.
const char* name_of(ElementType type);

// A weight file as the program names it (`@model_path/weights/weight.bin`), whole. The bytes are
// read while the program is parsed and not needed afterwards.
struct WeightFile {
  std::string path;
  std::span<const uint8_t> bytes;
};
using WeightFiles = std::span<const WeightFile>;

// An input or output of a function.
struct Port {
  std::string name;
  ElementType type;
  std::vector<int64_t> shape;
};

// Elements in row-major order. Rows of the last dimension may lie further apart than they are long.
struct TensorView {
  void* data;
  size_t bytes;           // readable or writable from data on
  ElementType type;       // of the elements in memory; floating-point types convert to the port's
  int64_t row_bytes = 0;  // from one row to the next; 0 means they follow each other
};

enum class Arithmetic : uint8_t {
  exact,  // what is published of the engine: fixed-point products, tables, halves away from zero
  fast,   // fp16 after every op, rounded to nearest even; sums in fp32
  ideal,  // fp32 throughout
};

struct Numerics {
  Arithmetic arithmetic = Arithmetic::fast;
  // In `exact`: reduce_sum and reduce_mean round to fp16 after every addition (reported, unproven).
  bool half_sums = false;
  // M1 and M2: slices that start inside the last axis turn |v| > 4094 into infinities.
  bool width_slice_overflow = false;
  // The engine is reported to ignore the mask of scaled_dot_product_attention.
  bool ignores_attention_mask = false;
  // M1, M2 and M5: the same for constants of int8 that other ops than products read.
  bool int8_overflow = false;
};

// An operand of a statement, as far as the limits of a chip look at it.
struct OpArgument {
  std::string name;
  std::vector<int64_t> shape;
  bool is_constant;
  std::string made_by;          // the op that it is the result of; empty for inputs and constants
  std::vector<double> numbers;  // of a parameter
};

// One statement, for cost models and limits. Ops that only move elements have no flops.
struct OpCost {
  std::string op;
  std::string name;  // of the first result
  ElementType type;
  std::vector<int64_t> shape;
  int64_t flops;       // a multiply and an add count as two
  int64_t bytes_read;  // operands that are not constant, as the engine stores them
  int64_t bytes_written;
  int64_t weight_bytes;  // constant operands
  bool is_constant;      // computed when the program is compiled, not when it runs
  std::vector<OpArgument> arguments;

  // The argument of that name, or null.
  const OpArgument* argument(std::string_view wanted) const {
    for (const OpArgument& a : arguments)
      if (a.name == wanted) return &a;
    return nullptr;
  }
};

// Why an op of this name is refused; empty for one that is not.
using OpFilter = std::function<std::string(std::string_view op)>;

class Function;

class Program {
 public:
  Program();
  ~Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;

  // In the order of the text.
  std::vector<std::string> functions() const;

  // Ports in the order of declaration; empty if there is no such function. An empty name stands for
  // `main`, or the only function.
  std::span<const Port> inputs(std::string_view function = {}) const;
  std::span<const Port> outputs(std::string_view function = {}) const;

  // Statements in the order of the text, without constants.
  std::span<const OpCost> ops(std::string_view function = {}) const;

  // Runs a function. Views are in the order of its ports. Outputs are written when all is computed,
  // so they may share memory with inputs. Memory is planned when a function first runs with a kind
  // of arithmetic and number of threads; later runs allocate nothing. Calls for one function wait
  // for each other. Without a pool everything runs on the calling thread; the bits are the same for
  // any number of threads.
  Result<void> evaluate(std::span<const TensorView> in, std::span<const TensorView> out,
                        const Numerics& numerics, ThreadPool* pool = nullptr,
                        std::string_view function = {}) const;

 private:
  friend Result<Program> parse_program(std::string_view text, WeightFiles files,
                                       const OpFilter& filter);
  const Function* find(std::string_view name) const;

  std::vector<std::unique_ptr<Function>> functions_;
};

// Reads, checks and plans a program. Codes: E0640 malformed text, E0641 an op or type that the
// emulator cannot compute or the filter refuses, E0642 weights that do not fit. Messages begin with
// `line:column: `.
Result<Program> parse_program(std::string_view text, WeightFiles files,
                              const OpFilter& filter = {});

}  // namespace anec::emulator
