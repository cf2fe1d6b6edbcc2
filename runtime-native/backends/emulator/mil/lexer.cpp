// MIL text to tokens, and tokens that are numbers to doubles.

#include "lexer.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

namespace anec::emulator {
namespace {

enum Class : uint8_t { other, space, letter, digit, punctuation };

constexpr std::array<uint8_t, 256> classes() {
  std::array<uint8_t, 256> table{};
  for (const char c : {' ', '\t', '\r', '\n', '\f', '\v'}) table[uint8_t(c)] = space;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = letter;
  table['_'] = letter;
  for (int c = '0'; c <= '9'; ++c) table[c] = digit;
  for (const char c : {'(', ')', '[', ']', '{', '}', '<', '>', ',', ';', '=', '?'})
    table[uint8_t(c)] = punctuation;
  return table;
}
constexpr std::array<uint8_t, 256> kClass = classes();

bool is_word(char c) { return kClass[uint8_t(c)] == letter || kClass[uint8_t(c)] == digit; }
bool is_digit(char c) { return kClass[uint8_t(c)] == digit; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// The offset after the closing quote, or npos if the line ends first.
size_t end_of_string(std::string_view text, size_t i) {
  for (; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n') ++i;
  }
  return std::string_view::npos;
}

// Letters, digits and points, and a sign after an exponent's letter.
size_t end_of_number(std::string_view text, size_t start) {
  const size_t digits = start + (text[start] == '-' ? 1 : 0);
  const bool hex = digits + 1 < text.size() && text[digits] == '0' &&
                   (text[digits + 1] == 'x' || text[digits + 1] == 'X');
  size_t i = start + 1;
  for (; i < text.size(); ++i) {
    const char c = text[i], before = text[i - 1];
    if (is_word(c) || c == '.') continue;
    const bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
    if (!((c == '+' || c == '-') && exponent)) break;
  }
  return i;
}

// Digits of one kind around at most one point; at least one digit.
bool mantissa(std::string_view& rest, bool (*accepts)(char)) {
  size_t count = 0, i = 0;
  bool point = false;
  for (; i < rest.size(); ++i) {
    if (accepts(rest[i]))
      ++count;
    else if (rest[i] == '.' && !point)
      point = true;
    else
      break;
  }
  rest.remove_prefix(i);
  return count > 0;
}

bool exponent(std::string_view rest) {
  if (rest.empty()) return true;
  rest.remove_prefix(1);
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) rest.remove_prefix(1);
  if (rest.empty()) return false;
  for (const char c : rest)
    if (!is_digit(c)) return false;
  return true;
}

bool starts_hex(std::string_view text) {
  return text.size() > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "`";
  out += text.substr(0, 40);
  out += text.size() > 40 ? "…`" : "`";
  return out;
}

bool is_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  if (text == "inf" || text == "nan") return true;
  const bool hex = starts_hex(text);
  if (hex) text.remove_prefix(2);
  if (!mantissa(text, hex ? is_hex : is_digit)) return false;
  const char mark = text.empty() ? '\0' : text[0];
  if (mark != '\0' && (hex ? mark != 'p' && mark != 'P' : mark != 'e' && mark != 'E')) return false;
  return exponent(text);
}

bool is_whole_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  const bool hex = starts_hex(text);
  if (hex) text.remove_prefix(2);
  for (const char c : text)
    if (!(hex ? is_hex(c) : is_digit(c))) return false;
  return !text.empty();
}

double number_value(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string bare(text.substr(negative ? 1 : 0));
  double value;
  if (bare == "inf")
    value = std::numeric_limits<double>::infinity();
  else if (bare == "nan")
    value = std::numeric_limits<double>::quiet_NaN();
  else
    value = std::strtod(bare.c_str(), nullptr);  // correctly rounded, also for hex floats
  return negative ? -value : value;
}

bool tokenize(std::string_view text, std::vector<Token>& out, Fault& fault) {
  if (text.size() > 0xfffffff0u) return fault.set(0, "the text is longer than 4 GiB");
  size_t i = text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;
  while (i < text.size()) {
    const size_t start = i;
    const char c = text[i];
    uint8_t kind;
    if (kClass[uint8_t(c)] == space) {
      ++i;
      continue;
    }
    if (kClass[uint8_t(c)] == punctuation) {
      kind = uint8_t(c);
      ++i;
    } else if (kClass[uint8_t(c)] == letter) {
      while (i < text.size() && is_word(text[i])) ++i;
      kind = kName;
    } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
      while (i < text.size() && text[i] != '\n') ++i;
      continue;
    } else if (c == '"') {
      i = end_of_string(text, i + 1);
      if (i == std::string_view::npos)
        return fault.set(uint32_t(start), "a string without its closing quote");
      kind = kString;
    } else if (c == '-' && i + 1 < text.size() && text[i + 1] == '>') {
      kind = kArrow;
      i += 2;
    } else if (kClass[uint8_t(c)] == digit || c == '-' || c == '.') {
      i = end_of_number(text, i);
      kind = kNumber;
      const std::string_view spelled = text.substr(start, i - start);
      if (!is_number(spelled)) return fault.set(uint32_t(start), quoted(spelled) + " is no number");
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "0x%02X", unsigned(uint8_t(c)));
      return fault.set(uint32_t(start),
                       std::string("a character that MIL does not have (") + code + ")");
    }
    out.push_back({kind, uint32_t(start), uint32_t(i)});
  }
  out.push_back({kEnd, uint32_t(text.size()), uint32_t(text.size())});
  return true;
}

}  // namespace anec::emulator
