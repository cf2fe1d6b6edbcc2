// Statements to steps: inputs, ops, the types of results, outputs.

#include "compiler.h"

#include <algorithm>

namespace anec::emulator {

bool compile_function(const FunctionTree& tree, WeightFiles files, const OpFilter& filter,
                      FunctionPlan& out, Fault& fault) {
  return FunctionCompiler(tree, files, filter, out, fault).compile();
}

const Origin* FunctionCompiler::origin_of(int slot) const {
  const auto found = origins_.find(slot);
  return found == origins_.end() ? nullptr : &found->second;
}

bool FunctionCompiler::compile() {
  plan_.name = tree_.name;
  for (const Binding& input : tree_.inputs)
    if (!compile_input(input)) return false;
  for (const Statement& statement : tree_.body)
    if (!compile_statement(statement)) return false;
  return compile_outputs();
}

int FunctionCompiler::add_storage(int64_t cells, int first) {
  Storage storage;
  storage.cells = cells;
  storage.first = storage.last = first;
  plan_.storages.push_back(storage);
  return int(plan_.storages.size()) - 1;
}

int FunctionCompiler::add_slot(ElementType type, const Shape& shape, int storage) {
  plan_.slots.push_back({type, shape, storage});
  return int(plan_.slots.size()) - 1;
}

bool FunctionCompiler::define(const std::string& name, uint32_t at, Operand operand) {
  if (scope_.contains(name)) return fault_.set(at, "`" + name + "` is defined twice");
  scope_.emplace(name, std::move(operand));
  return true;
}

// The element type and shape of a value that programs may compute with.
bool FunctionCompiler::check_value_type(const Type& type, uint32_t at, ElementType& element,
                                        Shape& shape) {
  if (type.kind == Type::state) return fault_.set(at, "programs have no state", "E0641");
  if (type.kind != Type::scalar && type.kind != Type::tensor)
    return fault_.set(at, "the emulator has no lists, tuples or buffers", "E0641");
  element = type.element;
  shape = type.shape;
  if (element == ElementType::string) return fault_.set(at, "strings are only constants", "E0641");
  if (element == ElementType::fp64 || (is_integer(element) && bits_of(element) == 64) ||
      element == ElementType::uint32) {
    return fault_.set(at, std::string("the emulator computes nothing in ") + name_of(element),
                      "E0641");
  }
  if (contains(shape, kUnknown))
    return fault_.set(at, "the emulator needs known dimensions", "E0641");
  if (contains(shape, 0)) return fault_.set(at, "the emulator has no empty tensors", "E0641");
  if (shape.size() > 8 || size_of(shape) > kLargest)
    return fault_.set(at, "this is larger than anything the emulator holds", "E0641");
  return true;
}

bool FunctionCompiler::compile_input(const Binding& input) {
  Operand operand;
  operand.at = input.at;
  if (!check_value_type(input.type, input.at, operand.type, operand.shape)) return false;
  operand.slot = add_slot(operand.type, operand.shape, add_storage(size_of(operand.shape), -1));
  plan_.inputs.push_back({input.name, operand.type, operand.shape});
  plan_.input_slots.push_back(operand.slot);
  return define(input.name, input.at, std::move(operand));
}

bool FunctionCompiler::check_attributes(const std::vector<Argument>& list, const char* kind) {
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (list[i].name != list[j].name) continue;
      return fault_.set(list[i].at, std::string(kind) + " `" + list[i].name + "` is given twice");
    }
  }
  return true;
}

bool FunctionCompiler::compile_statement(const Statement& statement) {
  if (!check_attributes(statement.arguments, "argument") ||
      !check_attributes(statement.attributes, "attribute")) {
    return false;
  }
  for (const Argument& a : statement.attributes) {
    if (a.name != "name") continue;
    const Value* inner = &a.value;
    while (inner->kind == Value::typed) inner = &inner->items[0];
    if (inner->kind != Value::string) return fault_.set(a.at, "`name` must be a string");
  }
  if (statement.op == "const") return compile_const(statement);
  if (filter_) {
    const std::string refusal = filter_(statement.op);
    if (!refusal.empty()) return fault_.set(statement.at, refusal, "E0641");
  }
  const OpSpec* op = find_op(statement.op);
  if (op == nullptr)
    return fault_.set(statement.at, "unsupported op `" + statement.op.substr(0, 60) + "`", "E0641");
  return compile_op(*op, statement);
}

bool FunctionCompiler::compile_op(const OpSpec& op, const Statement& statement) {
  Call call(*this, statement);
  if (!bind_operands(op, statement, call)) return false;
  read_int8(call);
  if (!op.compile(call) || !check_results(statement, call)) return false;
  add_step(statement, call, int(plan_.steps.size()));
  return true;
}

namespace {

bool is_int8_constant(const Origin& origin) {
  if (!origin.op.starts_with("constexpr_")) return false;
  for (const auto& [name, operand] : origin.arguments)
    if (name == "quantized_data" || name == "data") return operand.type == ElementType::int8;
  return false;
}

}  // namespace

// Products read int8 constants as weights. To other ops they come by the way on which some chips
// lose what is large (fact: int8_ceiling).
void FunctionCompiler::read_int8(Call& call) {
  static constexpr std::string_view products[] = {"conv", "linear", "matmul"};
  const std::string& op = call.statement_.op;
  if (std::find(std::begin(products), std::end(products), op) != std::end(products)) return;
  for (Call::Given& given : call.given_) {
    for (Operand& operand : given.operands) {
      const Origin* origin = origin_of(operand.slot);
      if (operand.type != ElementType::fp16 || origin == nullptr) continue;
      if (is_int8_constant(*origin)) operand.slot = value_of_int8(operand, *origin);
    }
  }
}

// The slot of what such a constant is to other ops; one for all of them.
int FunctionCompiler::value_of_int8(const Operand& operand, const Origin& origin) {
  if (const auto known = as_values_.find(operand.slot); known != as_values_.end())
    return known->second;
  const int64_t size = size_of(operand.shape);
  const int storage = add_storage(size, int(plan_.steps.size()));
  plan_.storages[size_t(storage)].is_constant = true;
  const int slot = add_slot(operand.type, operand.shape, storage);
  const auto pass = [size](const Run& run) {
    std::copy_n(run.in[0], size, run.out[0]);
    if (run.numerics.int8_overflow) overflow_by_gain(run.out[0], size);
  };
  plan_.steps.push_back({pass, {operand.slot}, {slot}, 0, 0, true, operand.at});
  origins_.emplace(slot, origin);
  as_values_.emplace(operand.slot, slot);
  return slot;
}

// The types that are declared must be those that follow from the operands.
bool FunctionCompiler::check_results(const Statement& statement, const Call& call) {
  const size_t declared = statement.results.size(), computed = call.results_.size();
  if (declared != computed) {
    return fault_.set(statement.at, "`" + statement.op + "` has " + std::to_string(computed) +
                                        " result(s), not " + std::to_string(declared));
  }
  for (size_t i = 0; i < computed; ++i) {
    const Binding& result = statement.results[i];
    const Call::Result& answer = call.results_[i];
    if (scope_.contains(result.name))
      return fault_.set(result.at, "`" + result.name + "` is defined twice");
    for (size_t j = 0; j < i; ++j) {
      if (statement.results[j].name == result.name)
        return fault_.set(result.at, "`" + result.name + "` is defined twice");
    }
    // Sizes that are too large are refused before they are compared.
    Type type;
    type.kind = Type::tensor;
    type.element = answer.type;
    type.shape = answer.shape;
    ElementType element;
    Shape shape;
    if (!check_value_type(type, result.at, element, shape)) return false;
    if (result.type.kind != Type::scalar && result.type.kind != Type::tensor)
      return fault_.set(result.at, "`" + result.name + "` is a tensor");
    bool fits = result.type.element == element && result.type.shape.size() == shape.size();
    for (size_t d = 0; fits && d < shape.size(); ++d)
      fits = result.type.shape[d] == shape[d] || result.type.shape[d] == kUnknown;
    if (fits) continue;
    return fault_.set(result.at, "`" + result.name + "` is declared " +
                                     text_of(result.type.element, result.type.shape) + ", but `" +
                                     statement.op + "` gives " + text_of(element, shape));
  }
  return true;
}

void FunctionCompiler::add_step(const Statement& statement, Call& call, int number) {
  Step step;
  step.kernel = std::move(call.kernel_);
  step.in = std::move(call.inputs_);
  step.scratch = call.scratch_;
  step.thread_scratch = call.thread_scratch_;
  step.at = statement.at;
  step.is_constant = true;
  for (const int slot : step.in) step.is_constant = step.is_constant && is_constant(slot);
  if (call.view_ >= 0) step.is_constant = is_constant(call.view_);

  for (size_t i = 0; i < call.results_.size(); ++i) {
    const auto& [type, shape] = call.results_[i];
    const int storage = call.view_ >= 0 ? plan_.slots[size_t(call.view_)].storage
                                        : add_storage(size_of(shape), number);
    if (call.view_ < 0) plan_.storages[size_t(storage)].is_constant = step.is_constant;
    const int slot = add_slot(type, shape, storage);
    step.out.push_back(slot);
    Operand operand;
    operand.type = type;
    operand.shape = shape;
    operand.at = statement.results[i].at;
    operand.slot = slot;
    operand.is_constant = step.is_constant;
    scope_.emplace(statement.results[i].name, std::move(operand));
    Origin origin{statement.op, {}};
    for (const Call::Given& given : call.given_)
      if (given.operands.size() == 1)
        origin.arguments.emplace_back(std::string(given.name), given.operands[0]);
    origins_.emplace(slot, std::move(origin));
  }
  add_cost(statement, call, step);
  if (call.view_ >= 0) return;
  if (!step.is_constant) {
    for (const int slot : step.in)
      plan_.storages[size_t(plan_.slots[size_t(slot)].storage)].last = number;
  }
  plan_.steps.push_back(std::move(step));
}

void FunctionCompiler::add_cost(const Statement& statement, const Call& call, const Step& step) {
  const auto bytes = [](ElementType type, const Shape& shape) {
    return (size_of(shape) * bits_of(type) + 7) / 8;
  };
  OpCost cost;
  cost.op = statement.op;
  cost.name = statement.results[0].name;
  cost.type = call.results_[0].type;
  cost.shape = call.results_[0].shape;
  cost.flops = call.flops_;
  cost.is_constant = step.is_constant;
  for (const Call::Given& given : call.given_) {
    for (const Operand& operand : given.operands) {
      const Origin* origin = origin_of(operand.slot);
      cost.arguments.push_back({std::string(given.name), operand.shape, operand.is_constant,
                                origin == nullptr ? "" : origin->op,
                                operand.literal == nullptr ? std::vector<double>()
                                                           : operand.literal->numbers});
    }
  }
  cost.bytes_read = cost.bytes_written = cost.weight_bytes = 0;
  for (const int slot : step.in) {
    const Slot& s = plan_.slots[size_t(slot)];
    (is_constant(slot) ? cost.weight_bytes : cost.bytes_read) += bytes(s.type, s.shape);
  }
  if (call.view_ < 0)
    for (const auto& [type, shape] : call.results_) cost.bytes_written += bytes(type, shape);
  plan_.ops.push_back(std::move(cost));
}

bool FunctionCompiler::compile_outputs() {
  for (const Binding& output : tree_.outputs) {
    const auto found = scope_.find(output.name);
    if (found == scope_.end())
      return fault_.set(output.at, "the output `" + output.name + "` is defined nowhere");
    const Operand& operand = found->second;
    if (operand.slot < 0)
      return fault_.set(output.at, "the output `" + output.name + "` is no tensor");
    plan_.outputs.push_back({output.name, operand.type, operand.shape});
    plan_.output_slots.push_back(operand.slot);
    plan_.storages[size_t(plan_.slots[size_t(operand.slot)].storage)].last =
        int(plan_.steps.size());
  }
  return true;
}

}  // namespace anec::emulator
