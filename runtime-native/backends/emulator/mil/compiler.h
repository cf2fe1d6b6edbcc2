// Compiles the statements of one function, one after another, as far as the parser's tree says.

#pragma once

#include <string>
#include <unordered_map>

#include "plan.h"

namespace anec::emulator {

class FunctionCompiler {
 public:
  FunctionCompiler(const FunctionTree& tree, WeightFiles files, const OpFilter& filter,
                   FunctionPlan& plan, Fault& fault)
      : tree_(tree), files_(files), filter_(filter), plan_(plan), fault_(fault) {}

  bool compile();

  Fault& fault() { return fault_; }
  const Origin* origin_of(int slot) const;

 private:
  // compiler.cpp
  bool compile_input(const Binding& input);
  bool compile_statement(const Statement& statement);
  bool compile_op(const OpSpec& op, const Statement& statement);
  bool compile_outputs();
  bool check_attributes(const std::vector<Argument>& list, const char* kind);
  bool check_results(const Statement& statement, const Call& call);
  void read_int8(Call& call);
  int value_of_int8(const Operand& operand, const Origin& origin);
  void add_step(const Statement& statement, Call& call, int step);
  void add_cost(const Statement& statement, const Call& call, const Step& step);
  bool define(const std::string& name, uint32_t at, Operand operand);
  int add_slot(ElementType type, const Shape& shape, int storage);
  int add_storage(int64_t cells, int first);
  bool is_constant(int slot) const { return storage_of(slot).is_constant; }
  const Storage& storage_of(int slot) const {
    return plan_.storages[size_t(plan_.slots[size_t(slot)].storage)];
  }

  // operands.cpp
  bool bind_operands(const OpSpec& op, const Statement& statement, Call& call);
  bool bind_operand(const OpSpec& op, std::string_view kind, const Argument& argument,
                    const Value& value, Call::Given& given);
  bool check_kind(const OpSpec& op, std::string_view kind, const Argument& argument,
                  const Operand& operand);

  // literal.cpp
  bool compile_const(const Statement& statement);
  bool literal_operand(const Value& value, const Type* declared, Operand& out);
  bool literal_shape(const Value& value, const Type* declared, Operand& out);
  bool literal_cells(const Value& value, Operand& out);
  bool blob_cells(const Value& blob, const Operand& operand, Constant& out);
  int add_constant(Constant constant, const Operand& operand);
  bool check_value_type(const Type& type, uint32_t at, ElementType& element, Shape& shape);

  const FunctionTree& tree_;
  WeightFiles files_;
  const OpFilter& filter_;
  FunctionPlan& plan_;
  Fault& fault_;
  std::unordered_map<std::string, Operand> scope_;
  std::unordered_map<int, Origin> origins_;  // by slot
  std::unordered_map<int, int> as_values_;   // slots of int8 constants, and those of their values
};

}  // namespace anec::emulator
