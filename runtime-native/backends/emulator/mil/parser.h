// The parser's state and the steps that its two files share.
//
// Nothing throws: a function that cannot go on records the fault and returns false, and so does
// everybody who called it.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lexer.h"
#include "tree.h"

namespace anec::emulator {

class Parser {
 public:
  Parser(std::string_view text, Fault& fault) : text_(text), fault_(fault) {}

  bool parse(ProgramTree& out);

 private:
  // parser.cpp
  bool parse_function(FunctionTree& out);
  bool parse_statement(Statement& out);
  bool parse_binding(Binding& out, const char* what);
  bool parse_attributes(std::vector<Argument>& out);
  bool starts_op() const;

  // parse_value.cpp
  bool parse_type(Type& out, int depth = 0);
  bool parse_parameters(std::string_view name, Type& out, int depth);
  bool parse_element(ElementType& out);
  bool parse_shape(std::vector<int64_t>& out);
  bool parse_dimension(int64_t& out);
  bool parse_value(Value& out, bool names, int depth = 0);
  bool parse_items(char close, Value& out, bool names, int depth);
  bool parse_dict(Value& out, int depth);
  bool parse_word(Value& out, bool names, int depth);
  bool parse_blob(Value& out, int depth);
  bool parse_pairs(char close, bool names, std::vector<Argument>& out);

  const Token& peek(size_t ahead = 0) const {
    const size_t i = at_ + ahead;
    return tokens_[i < tokens_.size() ? i : tokens_.size() - 1];
  }
  bool is(char c, size_t ahead = 0) const { return peek(ahead).kind == uint8_t(c); }
  std::string_view text_of(const Token& t) const {
    return text_.substr(t.start, t.end - t.start);
  }
  bool is_word(std::string_view word) const {
    return peek().kind == kName && text_of(peek()) == word;
  }
  bool take(char c) {
    if (!is(c)) return false;
    ++at_;
    return true;
  }
  bool expect(char c) { return take(c) || expected(std::string("`") + c + "`"); }
  bool expect_word(const char* word) {
    if (!is_word(word)) return expected(std::string("`") + word + "`");
    ++at_;
    return true;
  }
  bool expect_name(std::string& out, const char* what) {
    if (peek().kind != kName) return expected(what);
    out = text_of(peek());
    ++at_;
    return true;
  }
  // `item, item, …` up to `close`, which is stepped over.
  template <class Item>
  bool list_until(char close, Item item) {
    if (take(close)) return true;
    for (;;) {
      if (!item()) return false;
      if (take(close)) return true;
      if (!take(',')) return expected(std::string("`,` or `") + close + "`");
    }
  }
  bool fail(const Token& at, std::string message) {
    return fault_.set(at.start, std::move(message));
  }
  bool expected(const std::string& what) {
    return fail(peek(), "expected " + what + ", found " + found());
  }
  std::string found() const;

  std::string_view text_;
  Fault& fault_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

// The element type called `name`, if there is one.
bool element_type_of(std::string_view name, ElementType& out);
bool is_element_type(std::string_view name);
bool is_type_constructor(std::string_view name);

}  // namespace anec::emulator
