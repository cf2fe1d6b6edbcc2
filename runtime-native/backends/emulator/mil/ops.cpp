// All ops by name.

#include "ops.h"

#include <unordered_map>

namespace anec::emulator {

const OpSpec* find_op(std::string_view name) {
  static const auto& table = *[] {
    auto* ops = new std::unordered_map<std::string_view, const OpSpec*>();
    for (const auto list : {elementwise_ops(), activation_ops(), reduction_ops(),
                            normalization_ops(), product_ops(), convolution_ops(),
                            shape_ops(), slice_ops(), join_ops(), gather_ops(), quantization_ops(),
                            source_ops(), pool_ops(), resize_ops()}) {
      for (const OpSpec& op : list) ops->emplace(op.name, &op);
    }
    return ops;
  }();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace anec::emulator
