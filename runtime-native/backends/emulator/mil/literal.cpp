// Constants: what a literal says, and its cells.

#include <bit>
#include <cmath>

#include "blob.h"
#include "compiler.h"

namespace anec::emulator {
namespace {

// Longer values are never parameters of an op.
constexpr int64_t kLongestParameter = 64;

const Value& bare(const Value& value) {
  return value.kind == Value::typed ? bare(value.items[0]) : value;
}

// The numbers of nested lists, in row-major order, and how many elements are none.
struct Flat {
  std::vector<double> numbers;
  bool whole = true;
  bool numeric = true;   // nothing but numbers and bools
  bool all_bool = true;  // bools, or the numbers 0 and 1
};

void flatten(const Value& value, Flat& out) {
  switch (value.kind) {
    case Value::number:
      out.numbers.push_back(value.value);
      out.whole = out.whole && value.whole;
      out.all_bool = out.all_bool && value.whole && (value.value == 0 || value.value == 1);
      return;
    case Value::boolean: out.numbers.push_back(value.value); return;
    case Value::numbers:
      out.numbers.insert(out.numbers.end(), value.list_of_numbers.begin(),
                         value.list_of_numbers.end());
      out.whole = out.whole && value.whole;
      for (const double x : value.list_of_numbers)
        out.all_bool = out.all_bool && value.whole && (x == 0 || x == 1);
      return;
    case Value::list:
      for (const Value& item : value.items) flatten(item, out);
      return;
    default: out.numeric = false;
  }
}

bool holds_bool(const Value& value) {
  if (value.kind == Value::boolean) return true;
  for (const Value& item : value.items)
    if (holds_bool(item)) return true;
  return false;
}

}  // namespace

// type name = const()[name = …, val = …];
bool FunctionCompiler::compile_const(const Statement& statement) {
  if (statement.results.size() != 1)
    return fault_.set(statement.at,
                      "`const` has 1 result, not " + std::to_string(statement.results.size()));
  const Argument* val = nullptr;
  for (const Argument& a : statement.arguments)
    if (a.name == "val") val = &a;
  for (const Argument& a : statement.attributes)
    if (a.name == "val") val = &a;
  if (val == nullptr) return fault_.set(statement.at, "`const` needs `val`");
  const Binding& result = statement.results[0];
  if (val->value.kind == Value::typed) {
    const Type &a = result.type, &b = *val->value.type;
    const bool same = a.element == b.element && a.shape == b.shape &&
                      (a.kind == Type::tensor || a.kind == Type::scalar) &&
                      (b.kind == Type::tensor || b.kind == Type::scalar);
    if (!same) return fault_.set(val->value.at, "the value's type is not the one declared");
  }
  Operand operand;
  operand.at = result.at;
  if (!literal_operand(val->value, &result.type, operand)) return false;
  return define(result.name, result.at, std::move(operand));
}

// A literal as an operand, with its cells if it is a tensor.
bool FunctionCompiler::literal_operand(const Value& value, const Type* declared, Operand& out) {
  out.is_constant = true;
  if (!literal_shape(value, declared, out)) return false;
  const Value& inner = bare(value);
  if (out.type == ElementType::string) {
    if (inner.kind != Value::string || !out.shape.empty())
      return fault_.set(inner.at, "expected one string");
    auto literal = std::make_unique<Literal>();
    literal->is_text = true;
    literal->text = inner.text;
    out.literal = literal.get();
    plan_.literals.push_back(std::move(literal));
    return true;
  }
  return literal_cells(inner, out);
}

// The type and shape: declared, written before the value, or what an untyped literal suggests.
bool FunctionCompiler::literal_shape(const Value& value, const Type* declared, Operand& out) {
  const Type* type = declared;
  if (type == nullptr && value.kind == Value::typed) type = value.type.get();
  if (type != nullptr) {
    if (type->kind != Type::scalar && type->kind != Type::tensor)
      return fault_.set(value.at, "the emulator has no constants of this type", "E0641");
    out.type = type->element;
    out.shape = type->shape;
    if (contains(out.shape, kUnknown) || contains(out.shape, 0) || out.shape.size() > 8 ||
        size_of(out.shape) > kLargest) {
      return fault_.set(
          value.at, "the emulator cannot hold a constant of shape " + text_of(out.shape), "E0641");
    }
    return true;
  }
  switch (value.kind) {
    case Value::string: out.type = ElementType::string; return true;
    case Value::boolean: out.type = ElementType::boolean; return true;
    case Value::number:
      out.type = value.whole ? ElementType::int32 : ElementType::fp32;
      return true;
    case Value::numbers:
      out.type = value.whole ? ElementType::int32 : ElementType::fp32;
      out.shape = {int64_t(value.list_of_numbers.size())};
      return true;
    case Value::list:
      if (!value.items.empty() && value.items[0].kind == Value::boolean) {
        out.type = ElementType::boolean;
        out.shape = {int64_t(value.items.size())};
        return true;
      }
      break;
    default: break;
  }
  return fault_.set(value.at, "this value needs a type", "E0641");
}

bool FunctionCompiler::literal_cells(const Value& value, Operand& out) {
  const bool computes = out.type != ElementType::fp64 &&
                        !(is_integer(out.type) && bits_of(out.type) == 64) &&
                        out.type != ElementType::uint32;
  const int64_t size = size_of(out.shape);
  Constant constant;
  if (value.kind == Value::blob) {
    if (!computes)
      return fault_.set(
          value.at, std::string("the emulator has no weights in ") + name_of(out.type), "E0641");
    if (!blob_cells(value, out, constant)) return false;
    out.slot = add_constant(std::move(constant), out);
    return true;
  }
  Flat flat;
  flatten(value, flat);
  if (!flat.numeric) return fault_.set(value.at, "expected numbers or bools");
  if (int64_t(flat.numbers.size()) != size) {
    return fault_.set(value.at, "expected " + std::to_string(size) + " value(s), found " +
                                    std::to_string(flat.numbers.size()));
  }
  const bool is_bool = out.type == ElementType::boolean;
  if (is_bool ? !flat.all_bool : holds_bool(value))
    return fault_.set(value.at, std::string("these are no values of ") + name_of(out.type));
  if (is_integer(out.type)) {
    const auto [low, high] = integer_range(out.type);
    if (!flat.whole) return fault_.set(value.at, "expected whole numbers");
    for (const double x : flat.numbers) {
      if (x < low || x > high)
        return fault_.set(value.at, std::string("a number does not fit into ") + name_of(out.type));
    }
  }
  if (size <= kLongestParameter) {
    auto literal = std::make_unique<Literal>();
    literal->numbers = flat.numbers;
    literal->whole = flat.whole;
    out.literal = literal.get();
    plan_.literals.push_back(std::move(literal));
  }
  if (!computes) return true;  // only a parameter
  constant.cells.reserve(size_t(size));
  const Numerics half{.arithmetic = Arithmetic::fast};
  bool differs = false;
  std::vector<uint32_t> rounded;
  for (const double x : flat.numbers) {
    if (!is_float(out.type)) {
      constant.cells.push_back(uint32_t(int32_t(x)));
      continue;
    }
    float stored;
    store_cells(&x, 1, out.type, half, &stored);
    constant.cells.push_back(std::bit_cast<uint32_t>(float(x)));
    rounded.push_back(std::bit_cast<uint32_t>(stored));
    differs = differs || rounded.back() != constant.cells.back();
  }
  if (differs) constant.rounded = std::move(rounded);
  out.slot = add_constant(std::move(constant), out);
  return true;
}

bool FunctionCompiler::blob_cells(const Value& blob, const Operand& operand, Constant& out) {
  const Value &path = bare(blob.items[0]), &offset = bare(blob.items[1]);
  if (path.kind != Value::string) return fault_.set(blob.at, "BLOBFILE needs a string `path`");
  if (offset.kind != Value::number || !offset.whole || offset.value < 0 || offset.value >= 0x1p53)
    return fault_.set(blob.at, "BLOBFILE needs a whole `offset`");
  const std::string where = path.text + "@" + std::to_string(uint64_t(offset.value)) + ": ";
  for (const WeightFile& file : files_) {
    if (file.path != path.text) continue;
    std::string problem;
    if (read_record(file.bytes, uint64_t(offset.value), operand.type, size_of(operand.shape),
                    out.cells, problem)) {
      return true;
    }
    return fault_.set(blob.at, where + problem, "E0642");
  }
  return fault_.set(blob.at, where + "this weight file was not given", "E0642");
}

int FunctionCompiler::add_constant(Constant constant, const Operand& operand) {
  const int storage = add_storage(int64_t(constant.cells.size()), -1);
  plan_.storages[size_t(storage)].constant = int(plan_.constants.size());
  plan_.storages[size_t(storage)].is_constant = true;
  plan_.constants.push_back(std::move(constant));
  return add_slot(operand.type, operand.shape, storage);
}

}  // namespace anec::emulator
