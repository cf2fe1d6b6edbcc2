// How long the real engine would take: the time of a call that does nothing, and the longest of
// computing, moving activations and moving weights.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "../mil/mil.h"

namespace anec::emulator {

// Nanoseconds of one evaluation. `port_bytes` is what its surfaces hold.
int64_t predicted_ns(const std::string& chip, std::span<const OpCost> ops, int64_t port_bytes);

}  // namespace anec::emulator
