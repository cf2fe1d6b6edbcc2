// One statement while its program is compiled: its operands, checked against what its op takes, and
// what the op answers: result types, and the kernel that computes them.
//
//     bool relu(Call& c) {
//       c.result(c.one("x"));
//       …
//       return c.run([x = c.in("x")](const Run& r) { … });
//     }

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run.h"
#include "shape.h"
#include "tree.h"

namespace anec::emulator {

// The value of a constant, as far as rules want to know it: short lists of numbers, and strings.
struct Literal {
  std::vector<double> numbers;
  std::string text;
  bool is_text = false;
  bool whole = false;  // numbers are spelled as whole numbers, or bools
};

// An operand of a statement. `slot` is the function's value that it names.
struct Operand {
  ElementType type = ElementType::fp32;
  Shape shape;
  uint32_t at = 0;
  int slot = -1;
  bool is_constant = false;
  const Literal* literal = nullptr;
};

// A statement that produced a value, for ops that look at where their operands come from.
struct Origin {
  std::string op;
  std::vector<std::pair<std::string, Operand>> arguments;
};

// An operand that was made of 8-bit integers: scale · (values − shift).
struct Quantized {
  const Operand* values;
  const Operand* scale;  // one number, or one for each element of a dimension
  int64_t axis;          // that dimension; -1 for one number
  int32_t shift;
};

class FunctionCompiler;

class Call {
 public:
  Call(FunctionCompiler& compiler, const Statement& statement)
      : compiler_(compiler), statement_(statement) {}

  // Operands. `one` may be asked only for what the op requires.
  const Operand& one(std::string_view name) const { return *maybe(name); }
  const Operand* maybe(std::string_view name) const;
  std::vector<const Operand*> many(std::string_view name) const;
  // How an operand was made; null for inputs and constants.
  const Origin* origin_of(const Operand& operand) const;

  std::optional<Quantized> quantized(const Operand& operand) const;

  // Parameters.
  std::optional<Shape> ints(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise) const;
  bool flag(std::string_view name) const { return integer(name, 0) != 0; }
  double number(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string otherwise) const;

  // The number under which the kernel finds an operand's cells; -1 for one that is not given.
  int in(std::string_view name) { return maybe(name) == nullptr ? -1 : in(one(name)); }
  int in(const Operand& operand);

  // Answers.
  void result(ElementType type, Shape shape) { results_.push_back({type, std::move(shape)}); }
  void result(const Operand& like) { result(like.type, like.shape); }
  struct Result {
    ElementType type;
    Shape shape;
  };
  const Result& result(size_t i) const { return results_[i]; }
  void reshape_result(size_t i, Shape shape) { results_[i].shape = std::move(shape); }
  void flops(double count) { flops_ = count > 9e18 ? INT64_MAX : int64_t(count); }
  // Bytes for the statement, and for each thread. Both are aligned to 64.
  void scratch(int64_t bytes) { scratch_ = bytes; }
  void thread_scratch(int64_t bytes) { thread_scratch_ = bytes; }
  // Results are the cells of the operand, under another shape.
  bool view(const Operand& of) {
    view_ = of.slot;
    return true;
  }
  bool run(Kernel kernel) {
    kernel_ = std::move(kernel);
    return true;
  }
  // The statement is at fault, or one of its arguments; false, for returning.
  bool fail(std::string_view argument, const std::string& message) const;
  bool unsupported(const std::string& message) const;

 private:
  friend class FunctionCompiler;
  struct Given {
    std::string_view name;
    std::vector<Operand> operands;
  };

  FunctionCompiler& compiler_;
  const Statement& statement_;
  std::vector<Given> given_;
  std::vector<int> inputs_;  // slots
  std::vector<Result> results_;
  Kernel kernel_;
  int view_ = -1;
  int64_t flops_ = 0, scratch_ = 0, thread_scratch_ = 0;
};

// An op: its arguments as `name:kind`, and how a statement of it is compiled.
//
// Kinds: floats, numbers, wholes, bools, values (any of them), scalar and number (one element);
// parameters, which must be constants: ints, flags, int, flag, text, factor. `?` marks what may be
// missing, `*` what may be several.
struct OpSpec {
  const char* name;
  const char* arguments;
  bool (*compile)(Call&);
};

// The op called `name`, or null.
const OpSpec* find_op(std::string_view name);

}  // namespace anec::emulator
