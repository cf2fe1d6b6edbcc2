// The lists of ops, one for each file that compiles them.

#pragma once

#include <span>

#include "call.h"

namespace anec::emulator {

std::span<const OpSpec> elementwise_ops();
std::span<const OpSpec> activation_ops();
std::span<const OpSpec> reduction_ops();
std::span<const OpSpec> normalization_ops();
std::span<const OpSpec> product_ops();
std::span<const OpSpec> convolution_ops();
std::span<const OpSpec> shape_ops();
std::span<const OpSpec> slice_ops();
std::span<const OpSpec> join_ops();
std::span<const OpSpec> gather_ops();
std::span<const OpSpec> pool_ops();
std::span<const OpSpec> quantization_ops();
std::span<const OpSpec> resize_ops();
std::span<const OpSpec> source_ops();

}  // namespace anec::emulator
