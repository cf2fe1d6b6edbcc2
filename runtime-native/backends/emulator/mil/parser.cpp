// Tokens to a tree: programs, functions and statements.

#include "parser.h"

namespace anec::emulator {

std::string Parser::found() const {
  const Token& t = peek();
  if (t.kind == kEnd) return "the end of the text";
  if (t.kind == kString) return "a string";
  return quoted(text_of(t));
}

// program(1.3) [attributes] { functions }
bool Parser::parse(ProgramTree& out) {
  if (!tokenize(text_, tokens_, fault_)) return false;
  if (!is_word("program")) {
    return fail(peek(), "this is no MIL text: it begins with " + found() + ", not `program`");
  }
  ++at_;
  if (!expect('(')) return false;
  if (peek().kind != kNumber) return expected("a version such as `1.3`");
  ++at_;
  std::vector<Argument> ignored;
  if (!expect(')') || !parse_attributes(ignored) || !expect('{')) return false;
  while (!take('}')) {
    if (peek().kind == kEnd) return expected("`func` or `}`");
    if (!parse_function(out.functions.emplace_back())) return false;
  }
  if (peek().kind != kEnd) return expected("the end of the text");
  return true;
}

bool Parser::parse_attributes(std::vector<Argument>& out) {
  return !take('[') || parse_pairs(']', false, out);
}

// func main<ios18>(type name, …) [attributes] { statements } -> (name, …);
bool Parser::parse_function(FunctionTree& out) {
  if (!expect_word("func")) return false;
  out.at = peek().start;
  std::string opset;
  if (!expect_name(out.name, "a function's name") || !expect('<') ||
      !expect_name(opset, "an opset such as `ios18`") || !expect('>') || !expect('(')) {
    return false;
  }
  const auto input = [&] { return parse_binding(out.inputs.emplace_back(), "the input's name"); };
  std::vector<Argument> ignored;
  if (!list_until(')', input) || !parse_attributes(ignored) || !expect('{')) return false;
  while (!take('}')) {
    if (peek().kind == kEnd) return expected("a statement or `}`");
    if (!parse_statement(out.body.emplace_back())) return false;
  }
  if (peek().kind != kArrow) return expected("`->`");
  ++at_;
  if (!expect('(')) return false;
  const auto output = [&] {
    Binding& b = out.outputs.emplace_back();
    b.at = peek().start;
    return expect_name(b.name, "an output's name");
  };
  return list_until(')', output) && expect(';');
}

bool Parser::parse_binding(Binding& out, const char* what) {
  if (!parse_type(out.type)) return false;
  out.at = peek().start;
  return expect_name(out.name, what);
}

// `op(` or `op<opset>(`: a statement without results.
bool Parser::starts_op() const {
  if (peek().kind != kName) return false;
  if (is('(', 1)) return true;
  return is('<', 1) && peek(2).kind == kName && is('>', 3) && is('(', 4);
}

// type a, type b = op<opset>(arguments)[attributes];
bool Parser::parse_statement(Statement& out) {
  if (!starts_op()) {
    do {
      if (!parse_binding(out.results.emplace_back(), "the result's name")) return false;
    } while (take(','));
    if (!expect('=')) return false;
  }
  out.at = peek().start;
  if (!expect_name(out.op, "an op")) return false;
  std::string opset;
  if (take('<') && (!expect_name(opset, "an opset such as `ios18`") || !expect('>'))) return false;
  if (!expect('(') || !parse_pairs(')', true, out.arguments)) return false;
  if (!parse_attributes(out.attributes)) return false;
  if (is('{')) return fail(peek(), "nested blocks, as of `" + out.op + "`, cannot be read");
  return expect(';');
}

bool parse_tree(std::string_view text, ProgramTree& out, Fault& fault) {
  return Parser(text, fault).parse(out);
}

Error error_at(std::string_view text, const Fault& fault) {
  size_t line = 1, start = 0;
  const size_t at = fault.at < text.size() ? fault.at : text.size();
  for (size_t i = 0; i < at; ++i) {
    if (text[i] != '\n') continue;
    ++line;
    start = i + 1;
  }
  const std::string place = std::to_string(line) + ":" + std::to_string(at - start + 1);
  return Error{fault.code, place + ": " + fault.message, ""};
}

}  // namespace anec::emulator
