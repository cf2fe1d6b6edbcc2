// The operands of a statement, checked against the arguments of its op.

#include "compiler.h"

namespace anec::emulator {
namespace {

struct ArgumentSpec {
  std::string_view name, kind;
  bool optional, many;
};

// The next of `x:floats y:floats? values:values*`.
bool next_argument(std::string_view& rest, ArgumentSpec& out) {
  while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  if (rest.empty()) return false;
  const size_t end = rest.find(' ') < rest.size() ? rest.find(' ') : rest.size();
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  const size_t colon = word.find(':');
  out.name = word.substr(0, colon);
  out.kind = word.substr(colon + 1);
  out.optional = out.kind.back() == '?';
  out.many = out.kind.back() == '*';
  if (out.optional || out.many) out.kind.remove_suffix(1);
  return true;
}

// No parameter means anything beyond 2^53.
int64_t integer_of(double x) {
  return x > 0x1p53 ? int64_t{1} << 53 : x < -0x1p53 ? -(int64_t{1} << 53) : int64_t(x);
}

bool is_parameter(std::string_view kind) {
  return kind == "ints" || kind == "flags" || kind == "int" || kind == "flag" || kind == "text" ||
         kind == "factor";
}

bool takes(std::string_view kind, ElementType type) {
  const bool floating = is_float(type) || type == ElementType::fp64;
  if (kind == "text") return type == ElementType::string;
  if (type == ElementType::string) return false;
  if (kind == "values") return true;
  if (kind == "floats" || kind == "scalar") return floating;
  if (kind == "bools" || kind == "flag" || kind == "flags") return type == ElementType::boolean;
  if (kind == "bytes") return type == ElementType::int8 || type == ElementType::uint8;
  if (kind == "numbers" || kind == "number" || kind == "factor")
    return type != ElementType::boolean;
  return is_integer(type);
}

const char* words(std::string_view kind) {
  if (kind == "floats") return "floating-point numbers";
  if (kind == "scalar") return "one floating-point number";
  if (kind == "numbers") return "numbers";
  if (kind == "number" || kind == "factor") return "one number";
  if (kind == "wholes") return "integers";
  if (kind == "bytes") return "int8 or uint8";
  if (kind == "bools") return "bools";
  if (kind == "ints") return "a list of integers";
  if (kind == "flags") return "a list of bools";
  if (kind == "int") return "one integer";
  if (kind == "flag") return "one bool";
  if (kind == "text") return "a string";
  return "a tensor";
}

}  // namespace

bool FunctionCompiler::bind_operands(const OpSpec& op, const Statement& statement, Call& call) {
  const auto find = [](const std::vector<Argument>& list,
                       std::string_view name) -> const Argument* {
    for (const Argument& a : list)
      if (a.name == name) return &a;
    return nullptr;
  };
  size_t used = 0;
  std::string missing;
  ArgumentSpec spec;
  for (std::string_view rest = op.arguments; next_argument(rest, spec);) {
    const Argument* argument = find(statement.arguments, spec.name);
    if (argument != nullptr) ++used;
    // Older texts give parameters in the bracket; there they count too.
    if (argument == nullptr) argument = find(statement.attributes, spec.name);
    if (argument == nullptr) {
      if (!spec.optional && missing.empty()) missing = spec.name;
      continue;
    }
    Call::Given& given = call.given_.emplace_back();
    given.name = spec.name;
    if (spec.many && argument->value.kind == Value::tuple) {
      for (const Value& item : argument->value.items)
        if (!bind_operand(op, spec.kind, *argument, item, given)) return false;
    } else if (!bind_operand(op, spec.kind, *argument, argument->value, given)) {
      return false;
    }
  }
  if (used != statement.arguments.size()) {
    for (const Argument& a : statement.arguments) {
      bool known = false;
      for (std::string_view rest = op.arguments; next_argument(rest, spec);)
        known = known || spec.name == a.name;
      if (!known)
        return fault_.set(a.at, std::string("`") + op.name + "` has no argument `" + a.name + "`");
    }
  }
  if (!missing.empty())
    return fault_.set(statement.at, std::string("`") + op.name + "` needs `" + missing + "`");
  return true;
}

bool FunctionCompiler::bind_operand(const OpSpec& op, std::string_view kind,
                                    const Argument& argument, const Value& value,
                                    Call::Given& given) {
  Operand operand;
  if (value.kind == Value::name) {
    const auto found = scope_.find(value.text);
    if (found == scope_.end())
      return fault_.set(value.at, "`" + value.text + "` is not defined before this statement");
    operand = found->second;
  } else if (value.kind == Value::tuple || value.kind == Value::dict) {
    return fault_.set(value.at, "`" + argument.name + "` must be " + words(kind));
  } else if (!literal_operand(value, nullptr, operand)) {
    return false;
  }
  operand.at = value.at;
  if (!check_kind(op, kind, argument, operand)) return false;
  given.operands.push_back(std::move(operand));
  return true;
}

bool FunctionCompiler::check_kind(const OpSpec& op, std::string_view kind, const Argument& argument,
                                  const Operand& operand) {
  const std::string what =
      std::string("`") + argument.name + "` of `" + op.name + "` must be " + words(kind);
  if (!takes(kind, operand.type)) {
    return fault_.set(operand.at, what + ", not " + text_of(operand.type, operand.shape));
  }
  const bool one =
      kind == "scalar" || kind == "number" || kind == "factor" || kind == "int" || kind == "flag";
  const bool list = kind == "ints" || kind == "flags";
  const int64_t size = size_of(operand.shape);
  if ((one && (size != 1 || operand.shape.size() > 1)) || (list && operand.shape.size() > 1))
    return fault_.set(operand.at, what + ", not " + text_of(operand.type, operand.shape));
  if (!is_parameter(kind)) {
    if (operand.slot >= 0) return true;
    return fault_.set(operand.at,
                      std::string("the emulator computes nothing in ") + name_of(operand.type),
                      "E0641");
  }
  if (operand.literal != nullptr) return true;
  return fault_.set(operand.at, what + " that is constant and short", "E0641");
}

const Operand* Call::maybe(std::string_view name) const {
  for (const Given& given : given_)
    if (given.name == name) return given.operands.empty() ? nullptr : &given.operands[0];
  return nullptr;
}

std::vector<const Operand*> Call::many(std::string_view name) const {
  std::vector<const Operand*> out;
  for (const Given& given : given_) {
    if (given.name != name) continue;
    for (const Operand& operand : given.operands) out.push_back(&operand);
  }
  return out;
}

const Origin* Call::origin_of(const Operand& operand) const {
  return compiler_.origin_of(operand.slot);
}

std::optional<Quantized> Call::quantized(const Operand& operand) const {
  const Origin* origin = origin_of(operand);
  if (origin == nullptr ||
      (origin->op != "dequantize" && origin->op != "constexpr_affine_dequantize"))
    return std::nullopt;
  Quantized out{nullptr, nullptr, 0, 0};
  for (const auto& [name, given] : origin->arguments) {
    if (name == "input" || name == "quantized_data") out.values = &given;
    if (name == "scale") out.scale = &given;
    if (name == "axis") out.axis = integer_of(given.literal->numbers[0]);
    if (name != "zero_point") continue;
    if (given.literal == nullptr || given.literal->numbers.size() != 1) return std::nullopt;
    out.shift = int32_t(given.literal->numbers[0]);
  }
  if (out.axis < 0) out.axis += int64_t(out.values->shape.size());
  if (size_of(out.scale->shape) == 1) out.axis = -1;
  return out;
}

std::optional<Shape> Call::ints(std::string_view name) const {
  const Operand* operand = maybe(name);
  if (operand == nullptr) return std::nullopt;
  Shape out;
  for (const double x : operand->literal->numbers) out.push_back(integer_of(x));
  return out;
}

int64_t Call::integer(std::string_view name, int64_t otherwise) const {
  const Operand* operand = maybe(name);
  return operand == nullptr ? otherwise : integer_of(operand->literal->numbers[0]);
}

double Call::number(std::string_view name, double otherwise) const {
  const Operand* operand = maybe(name);
  return operand == nullptr || operand->literal == nullptr ? otherwise
                                                           : operand->literal->numbers[0];
}

std::string Call::text(std::string_view name, std::string otherwise) const {
  const Operand* operand = maybe(name);
  return operand == nullptr ? otherwise : operand->literal->text;
}

int Call::in(const Operand& operand) {
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i] == operand.slot) return int(i);
  inputs_.push_back(operand.slot);
  return int(inputs_.size()) - 1;
}

bool Call::fail(std::string_view argument, const std::string& message) const {
  const Operand* operand = maybe(argument);
  const std::string what = quoted(argument) + " of " + quoted(statement_.op) + " " + message;
  return compiler_.fault().set(operand == nullptr ? statement_.at : operand->at, what);
}

bool Call::unsupported(const std::string& message) const {
  return compiler_.fault().set(statement_.at, "`" + statement_.op + "` " + message, "E0641");
}

}  // namespace anec::emulator
