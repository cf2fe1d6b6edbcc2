// Types and values. The names of types are no keywords: a word is a type only where one must stand,
// or where `<` or `(` follows it.

#include <cmath>
#include <iterator>

#include "parser.h"

namespace anec::emulator {
namespace {

constexpr int kDeepest = 256;

constexpr const char* kElementNames[] = {
    "fp16",  "fp32",  "fp64",  "bf16",  "bool",  "string", "int4",  "int8",   "int16",  "int32",
    "int64", "uint1", "uint2", "uint3", "uint4", "uint6",  "uint8", "uint16", "uint32", "uint64",
};

constexpr const char* kConstructors[] = {"tensor", "list",  "tuple",
                                         "dict",   "state", "tensor_buffer"};

std::string unquoted(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    switch (c) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case '"':
      case '\\': out += c; break;
      default: (out += '\\') += c;  // MIL has no other escapes: the text stays as it is
    }
  }
  return out;
}

}  // namespace

const char* name_of(ElementType type) { return kElementNames[size_t(type)]; }

bool element_type_of(std::string_view name, ElementType& out) {
  for (size_t i = 0; i < std::size(kElementNames); ++i) {
    if (name != kElementNames[i]) continue;
    out = ElementType(i);
    return true;
  }
  return false;
}

bool is_element_type(std::string_view name) {
  ElementType ignored;
  return element_type_of(name, ignored);
}

bool is_type_constructor(std::string_view name) {
  for (const char* constructor : kConstructors)
    if (name == constructor) return true;
  return false;
}

bool Parser::parse_type(Type& out, int depth) {
  if (depth > kDeepest) return fail(peek(), "this nests deeper than the emulator reads");
  const Token& start = peek();
  std::string word;
  if (!expect_name(word, "a type")) return false;
  if (element_type_of(word, out.element)) return true;
  if (!is_type_constructor(word)) return fail(start, "there is no type " + quoted(word));
  if (!expect('<') || !parse_parameters(word, out, depth + 1)) return false;
  return word == "tuple" || expect('>');
}

bool Parser::parse_parameters(std::string_view name, Type& out, int depth) {
  const auto item = [&] { return parse_type(out.items.emplace_back(), depth); };
  if (name == "tensor") {
    out.kind = Type::tensor;
    return parse_element(out.element) && expect(',') && parse_shape(out.shape);
  }
  if (name == "list") {
    out.kind = Type::list;
    return item() && expect(',') && parse_dimension(out.shape.emplace_back());
  }
  if (name == "tuple") {
    out.kind = Type::tuple;
    return list_until('>', item);
  }
  if (name == "dict") {
    out.kind = Type::dict;
    return item() && expect(',') && item();
  }
  if (name == "state") {
    out.kind = Type::state;
    return item();
  }
  out.kind = Type::buffer;
  if (!parse_element(out.element)) return false;
  while (take(',')) {
    std::string field;
    std::vector<int64_t> ignored;
    if (!expect_name(field, "`shape`, `strides` or `interleave_factors`") || !expect('=') ||
        !parse_shape(ignored)) {
      return false;
    }
  }
  return true;
}

bool Parser::parse_element(ElementType& out) {
  const Token& start = peek();
  std::string word;
  if (!expect_name(word, "an element type")) return false;
  return element_type_of(word, out) || fail(start, "there is no element type " + quoted(word));
}

bool Parser::parse_shape(std::vector<int64_t>& out) {
  return expect('[') && list_until(']', [&] { return parse_dimension(out.emplace_back()); });
}

bool Parser::parse_dimension(int64_t& out) {
  if (take('?')) {
    out = kUnknown;
    return true;
  }
  const Token& t = peek();
  const double value = t.kind == kNumber ? number_value(text_of(t)) : -1;
  const bool fits =
      t.kind == kNumber && is_whole_number(text_of(t)) && value >= 0 && value < 0x1p53;
  if (!fits) return expected("a whole number or `?`");
  out = int64_t(value);
  ++at_;
  return true;
}

// Names of values stand only where `names` allows them: in the arguments of an op.
bool Parser::parse_value(Value& out, bool names, int depth) {
  if (depth > kDeepest) return fail(peek(), "this nests deeper than the emulator reads");
  const Token& t = peek();
  out.at = t.start;
  switch (t.kind) {
    case kNumber:
      out.kind = Value::number;
      out.value = number_value(text_of(t));
      out.whole = is_whole_number(text_of(t));
      ++at_;
      return true;
    case kString:
      out.kind = Value::string;
      out.text = unquoted(text_.substr(t.start + 1, t.end - t.start - 2));
      ++at_;
      return true;
    case '[':
    case '(':
      ++at_;
      out.kind = t.kind == '[' ? Value::list : Value::tuple;
      return parse_items(t.kind == '[' ? ']' : ')', out, names, depth + 1);
    case '{': ++at_; return parse_dict(out, depth + 1);
    case kName: return parse_word(out, names, depth);
    default: return expected("a value");
  }
}

// A list of nothing but numbers, the text's longest part, is kept as numbers.
bool Parser::parse_items(char close, Value& out, bool names, int depth) {
  if (take(close)) return true;
  bool plain = out.kind == Value::list, whole = true;
  for (;;) {
    const Token& t = peek();
    if (plain && (t.kind == kNumber || is_word("inf") || is_word("nan"))) {
      out.list_of_numbers.push_back(number_value(text_of(t)));
      whole = whole && is_whole_number(text_of(t));
      ++at_;
    } else {
      if (plain && !out.list_of_numbers.empty()) {
        return expected("a number, as the list begins with numbers");
      }
      plain = false;
      if (!parse_value(out.items.emplace_back(), names, depth)) return false;
    }
    if (take(close)) break;
    if (!take(',')) return expected(std::string("`,` or `") + close + "`");
  }
  if (plain) {
    out.kind = Value::numbers;
    out.whole = whole;
  }
  return true;
}

// After `{`: `{key, value}, …}`.
bool Parser::parse_dict(Value& out, int depth) {
  out.kind = Value::dict;
  return list_until('}', [&] {
    return expect('{') && parse_value(out.items.emplace_back(), false, depth) && expect(',') &&
           parse_value(out.items.emplace_back(), false, depth) && expect('}');
  });
}

bool Parser::parse_word(Value& out, bool names, int depth) {
  const Token& t = peek();
  const std::string_view word = text_of(t);
  const bool called = is('(', 1);
  if (word == "BLOBFILE" && called) return parse_blob(out, depth);
  if ((is_element_type(word) && called) || (is_type_constructor(word) && is('<', 1))) {
    out.kind = Value::typed;
    out.type = std::make_unique<Type>();
    return parse_type(*out.type, depth) && expect('(') &&
           parse_value(out.items.emplace_back(), names, depth + 1) && expect(')');
  }
  if (called) return fail(t, "there is no type " + quoted(word));
  if (word == "true" || word == "false") {
    out.kind = Value::boolean;
    out.value = word == "true" ? 1 : 0;
  } else if (word == "inf" || word == "nan") {
    out.kind = Value::number;
    out.value = number_value(word);
  } else if (names) {
    out.kind = Value::name;
    out.text = word;
  } else {
    return expected("a value");
  }
  ++at_;
  return true;
}

// BLOBFILE(path = …, offset = …), in either order.
bool Parser::parse_blob(Value& out, int depth) {
  ++at_;
  out.kind = Value::blob;
  out.items.resize(2);
  if (!expect('(')) return false;
  const bool path_first = is_word("path");
  const auto field = [&](bool path) {
    return expect_word(path ? "path" : "offset") && expect('=') &&
           parse_value(out.items[path ? 0 : 1], false, depth + 1);
  };
  return field(path_first) && expect(',') && field(!path_first) && expect(')');
}

// `name = value, …` up to `close`, which is stepped over.
bool Parser::parse_pairs(char close, bool names, std::vector<Argument>& out) {
  return list_until(close, [&] {
    Argument& a = out.emplace_back();
    a.at = peek().start;
    return expect_name(a.name, close == ')' ? "an argument's name" : "an attribute's name") &&
           expect('=') && parse_value(a.value, names);
  });
}

}  // namespace anec::emulator
