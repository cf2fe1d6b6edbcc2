// MIL text as tokens.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tree.h"

namespace anec::emulator {

// Punctuation is its own character.
enum TokenKind : uint8_t { kEnd = 0, kName = 1, kNumber = 2, kString = 3, kArrow = 4 };

struct Token {
  uint8_t kind;
  uint32_t start;
  uint32_t end;
};

// All tokens, `kEnd` last. White space and `//` comments are skipped.
bool tokenize(std::string_view text, std::vector<Token>& out, Fault& fault);

// Whether `text` is one number: decimal, hexadecimal with a binary exponent, `inf` or `nan`.
bool is_number(std::string_view text);
// Digits only, decimal or hexadecimal, perhaps with a minus.
bool is_whole_number(std::string_view text);
// The nearest double.
double number_value(std::string_view text);

}  // namespace anec::emulator
