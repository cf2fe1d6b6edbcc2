// What the compiler of a chip refuses in a program that is well formed.
//
// These are the limits that are reported; each rule names its fact (docs/facts). They follow from a
// function's ports, and from a statement's op, operands, result and work.

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "../mil/mil.h"
#include "anec/result.h"

namespace anec::emulator {

// The compiler's error for a program it cannot read.
inline Error invalid(std::string why) {
  return Error{"", "InvalidMILProgram", std::move(why)};
}

// Why a chip of this family (the 4 of m4) has no op of this name; empty if it has one.
std::string refusal_of(std::string_view op, int family);

// The first thing in a function that a chip of this family does not take, as an error whose message is the
// kind of Apple's error and whose detail is the reason.
Result<void> check_limits(const Program& program, std::string_view function, int family);

}  // namespace anec::emulator
