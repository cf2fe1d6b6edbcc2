// MIL text as a tree, exactly as far as the text says. Every node knows where it stood.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mil.h"

namespace anec::emulator {

inline constexpr int64_t kUnknown = -1;  // a dimension written `?`

struct Type {
  enum Kind : uint8_t { scalar, tensor, list, tuple, dict, state, buffer } kind = scalar;
  ElementType element = ElementType::fp32;
  std::vector<int64_t> shape;  // of tensors; the length of a list
  std::vector<Type> items;     // of list, tuple, dict, state
};

struct Value {
  enum Kind : uint8_t { number, boolean, string, numbers, list, tuple, dict, name, blob, typed };
  Kind kind = number;
  bool whole = false;  // number(s): spelled without point and exponent
  uint32_t at = 0;     // offset in the text
  double value = 0;    // number, boolean
  std::string text;    // string, name
  std::vector<double> list_of_numbers;  // numbers: a list of nothing else
  std::vector<Value> items;  // list, tuple; dict: key, value, …; blob: path, offset; typed: value
  std::unique_ptr<Type> type;  // typed
};

struct Argument {
  std::string name;
  uint32_t at = 0;
  Value value;
};

struct Binding {
  Type type;
  std::string name;
  uint32_t at = 0;
};

struct Statement {
  std::vector<Binding> results;
  std::string op;
  uint32_t at = 0;
  std::vector<Argument> arguments;
  std::vector<Argument> attributes;
};

struct FunctionTree {
  std::string name;
  uint32_t at = 0;
  std::vector<Binding> inputs;
  std::vector<Statement> body;
  std::vector<Binding> outputs;  // without types
};

struct ProgramTree {
  std::vector<FunctionTree> functions;
};

// `text` in back quotes, cut if it is long.
std::string quoted(std::string_view text);

// What is wrong, and at which offset of the text.
struct Fault {
  const char* code = "E0640";
  uint32_t at = 0;
  std::string message;
  bool found = false;

  // Keeps the first fault; false, for returning.
  bool set(uint32_t where, std::string what, const char* which = "E0640") {
    if (!found) *this = {which, where, std::move(what), true};
    return false;
  }
};

// `3:17: …`
Error error_at(std::string_view text, const Fault& fault);

// Reads a whole program; false after a fault.
bool parse_tree(std::string_view text, ProgramTree& out, Fault& fault);

}  // namespace anec::emulator
