/**
 * MIL text to tree: every form that Apple's tools and the kernels of this project write.
 *
 *     program(1.3)
 *     [buildInfo = …]
 *     {
 *         func main<ios18>(tensor<fp16, [1, 8]> x) {
 *             tensor<fp16, [1, 8]> y = mul(x = x, y = x)[name = string("y")];
 *         } -> (y);
 *     }
 *
 * After a mistake in a statement the parser goes on behind the next `;`, so one run reports the
 * mistakes of several statements. Whether names and types make sense is for `check.ts`.
 */
import { milIsSsaPrint, milNestedBlock, milNotText } from "../messages/mil.ts";
import { Reporter, UserError } from "../support/diagnostic.ts";
import { joinSpans, type SourceFile, spanOf } from "../support/source.ts";
import {
  type Cursor,
  expect,
  expectName,
  expectWord,
  fail,
  foundAt,
  listUntil,
  peek,
  spanAt,
  take,
  tokenText,
} from "./cursor.ts";
import { lexMil, MAX_MISTAKES, TOKEN } from "./lex.ts";
import { parsePairs, parseType } from "./parse_value.ts";
import type { Attribute, Binding, MilFunction, MilProgram, Output, Statement } from "./tree.ts";

const PAREN = "(".charCodeAt(0);
const BRACE = "{".charCodeAt(0);
const CLOSE_BRACE = "}".charCodeAt(0);
const LESS = "<".charCodeAt(0);
const GREATER = ">".charCodeAt(0);
const SEMICOLON = ";".charCodeAt(0);

/** `main[CoreML8](%x: …`, the listing that coremltools prints, after blank lines and comments. */
const SSA_PRINT = /^(?:\s|\/\/[^\n]*\n)*(\w+\s*\[\w+\]\s*\(\s*%)/;

/** Reads a MIL program. Throws a `UserError` with all mistakes found, each with its place. */
export function parseMil(source: SourceFile): MilProgram {
  refuseListing(source);
  const reporter = new Reporter();
  const tokens = lexMil(source, reporter);
  const c: Cursor = { source, tokens, at: 0 };
  const program = attempt(c, reporter, () => parseProgram(c, reporter));
  if (program === undefined || reporter.hasErrors) {
    const place = (i: number): number => reporter.diagnostics[i]?.labels[0]?.span.start ?? 0;
    const order = reporter.diagnostics.map((_, i) => i).sort((a, b) => place(a) - place(b));
    throw new UserError(order.slice(0, MAX_MISTAKES).map((i) => reporter.diagnostics[i]!));
  }
  return program;
}

/**
 * The result of `parse`, or undefined after reporting its mistakes. When there are enough of them,
 * the rest of the text is skipped.
 */
function attempt<T>(c: Cursor, reporter: Reporter, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const d of error.diagnostics) reporter.report(d);
    if (reporter.diagnostics.length >= MAX_MISTAKES) c.at = c.tokens.kinds.length - 1;
    return undefined;
  }
}

function refuseListing(source: SourceFile): void {
  const found = SSA_PRINT.exec(source.text.slice(0, 4096));
  if (found === null) return;
  const start = found[0].length - (found[1] ?? "").length;
  throw new UserError(milIsSsaPrint(spanOf(source, start, found[0].length)));
}

function parseProgram(c: Cursor, reporter: Reporter): MilProgram {
  if (peek(c) !== TOKEN.name || tokenText(c, c.at) !== "program") {
    throw new UserError(milNotText(spanAt(c, c.at), foundAt(c, c.at)));
  }
  const word = spanAt(c, c.at);
  c.at += 1;
  expect(c, "(");
  if (peek(c) !== TOKEN.number) fail(c, "a version such as `1.3`");
  const version = tokenText(c, c.at);
  c.at += 1;
  expect(c, ")");
  const span = joinSpans(word, spanAt(c, c.at - 1));
  const attributes = parseAttributes(c);
  expect(c, "{");
  const functions: MilFunction[] = [];
  while (!take(c, "}")) {
    if (peek(c) === TOKEN.end) fail(c, "`func` or `}`");
    const start = c.at;
    const parsed = attempt(c, reporter, () => parseFunction(c, reporter));
    if (parsed !== undefined) functions.push(parsed);
    // Behind the last function there is nothing left to find; its mistake is reported.
    else if (!skipToFunction(c, start)) return { version, attributes, functions, span };
  }
  if (peek(c) !== TOKEN.end) fail(c, "the end of the file");
  return { version, attributes, functions, span };
}

function parseAttributes(c: Cursor): Attribute[] {
  return take(c, "[") ? parsePairs(c, "]", false) : [];
}

/** Goes on at the next `func` after token `start`; says whether there is one. */
function skipToFunction(c: Cursor, start: number): boolean {
  for (c.at = Math.max(c.at, start + 1); peek(c) !== TOKEN.end; c.at += 1) {
    if (peek(c) !== TOKEN.name || peek(c, 1) !== TOKEN.name) continue;
    if (tokenText(c, c.at) === "func") return true;
  }
  return false;
}

function parseFunction(c: Cursor, reporter: Reporter): MilFunction {
  expectWord(c, "func");
  const name = expectName(c, "a function's name");
  const span = spanAt(c, c.at - 1);
  expect(c, "<");
  const opset = expectName(c, "an opset such as `ios18`");
  expect(c, ">");
  expect(c, "(");
  const inputs = listUntil(c, ")", () => parseBinding(c, "the input's name"));
  const attributes = parseAttributes(c);
  expect(c, "{");
  const body: Statement[] = [];
  while (!take(c, "}")) {
    if (peek(c) === TOKEN.end) fail(c, "a statement or `}`");
    const statement = attempt(c, reporter, () => parseStatement(c));
    if (statement !== undefined) body.push(statement);
    else skipStatement(c);
  }
  if (peek(c) !== TOKEN.arrow) fail(c, "`->`");
  c.at += 1;
  expect(c, "(");
  const outputs = listUntil(c, ")", (): Output => {
    const output = expectName(c, "an output's name");
    return { name: output, span: spanAt(c, c.at - 1) };
  });
  expect(c, ";");
  return { name, opset, inputs, attributes, body, outputs, span };
}

/** Goes on behind the next `;`, or at the end of the function. */
function skipStatement(c: Cursor): void {
  for (; peek(c) !== TOKEN.end; c.at += 1) {
    if (peek(c) === SEMICOLON) {
      c.at += 1;
      return;
    }
    if (peek(c) === CLOSE_BRACE && peek(c, 1) === TOKEN.arrow) return;
  }
}

function parseBinding(c: Cursor, what: string): Binding {
  const type = parseType(c);
  const name = expectName(c, what);
  return { type, name, span: spanAt(c, c.at - 1) };
}

/** `type a, type b = op<opset>(…)[…];`, or without results `op(…)[…];`. */
function parseStatement(c: Cursor): Statement {
  const results: Binding[] = [];
  if (!startsOp(c)) {
    do results.push(parseBinding(c, "the result's name"));
    while (take(c, ","));
    expect(c, "=");
  }
  const op = expectName(c, "an op");
  const span = spanAt(c, c.at - 1);
  const opset = take(c, "<") ? expectName(c, "an opset such as `ios18`") : undefined;
  if (opset !== undefined) expect(c, ">");
  expect(c, "(");
  const args = parsePairs(c, ")", true);
  const attributes = parseAttributes(c);
  if (startsBlock(c, op)) {
    const refused = milNestedBlock(spanAt(c, c.at), op);
    skipBlocks(c);
    throw new UserError(refused);
  }
  expect(c, ";");
  return { results, op, ...(opset === undefined ? {} : { opset }), args, attributes, span };
}

/**
 * Whether nested blocks stand behind an op's parentheses. No text with them is known, so behind the
 * ops that have them anything up to a brace counts.
 */
function startsBlock(c: Cursor, op: string): boolean {
  if (peek(c) === BRACE) return true;
  if (op !== "cond" && op !== "while_loop") return false;
  let ahead = 0;
  while (![TOKEN.end, SEMICOLON, BRACE, CLOSE_BRACE].includes(peek(c, ahead))) ahead += 1;
  return peek(c, ahead) === BRACE;
}

/** Goes on at the `;` behind nested blocks, or at the end of the function. */
function skipBlocks(c: Cursor): void {
  for (let depth = 0; peek(c) !== TOKEN.end; c.at += 1) {
    const kind = peek(c);
    if (depth === 0 && (kind === SEMICOLON || kind === CLOSE_BRACE)) return;
    if (kind === BRACE) depth += 1;
    else if (kind === CLOSE_BRACE) depth -= 1;
  }
}

/** Whether a statement without results starts here: `op(` or `op<opset>(`. */
function startsOp(c: Cursor): boolean {
  if (peek(c) !== TOKEN.name) return false;
  if (peek(c, 1) === PAREN) return true;
  // A type with parameters has a comma or another type before its `>`, and a name after it.
  const opset = peek(c, 1) === LESS && peek(c, 2) === TOKEN.name && peek(c, 3) === GREATER;
  return opset && peek(c, 4) === PAREN;
}
