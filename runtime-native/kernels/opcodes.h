// The instructions of `elementwise` and their numbers. `compiler/bundle/opcodes.ts` lists the same
// names in the same order; a test compares the two.

#pragma once

#define ANEC_OPCODES(X)                                                                       \
  X(constant, "const") X(copy, "copy") X(add, "add") X(sub, "sub") X(mul, "mul")              \
  X(div, "div") X(max, "max") X(min, "min") X(neg, "neg") X(exp, "exp") X(log, "log")         \
  X(sqrt, "sqrt") X(rsqrt, "rsqrt") X(tanh, "tanh") X(sigmoid, "sigmoid") X(silu, "silu")     \
  X(relu, "relu") X(abs, "abs") X(sin, "sin") X(cos, "cos") X(square, "square")               \
  X(reciprocal, "reciprocal") X(pow, "pow") X(gt, "gt") X(erf, "erf")

namespace anec {

#define ANEC_OPCODE_ENTRY(name, text) name,
enum class Opcode : int { ANEC_OPCODES(ANEC_OPCODE_ENTRY) count };
#undef ANEC_OPCODE_ENTRY

#define ANEC_OPCODE_TEXT(name, text) text,
inline constexpr const char* opcode_names[] = {ANEC_OPCODES(ANEC_OPCODE_TEXT)};
#undef ANEC_OPCODE_TEXT

// Whether an instruction reads a second register.
constexpr bool reads_two(Opcode opcode) {
  switch (opcode) {
    case Opcode::add: case Opcode::sub: case Opcode::mul: case Opcode::div: case Opcode::max:
    case Opcode::min: case Opcode::pow: case Opcode::gt:
      return true;
    default:
      return false;
  }
}

}  // namespace anec
