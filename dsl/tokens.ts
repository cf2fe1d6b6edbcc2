/**
 * Characters to tokens.
 *
 * A line break ends a statement unless something is open: a `(` or `[`, or an operator at the end of
 * the line. `tokenize` decides that here, so the grammar sees a line break only where it counts.
 */
import type { ILexingError, IToken, TokenType } from "chevrotain";
import { createToken, Lexer } from "./chevrotain.ts";

const make = (name: string, pattern: RegExp | string, label?: string): TokenType =>
  createToken({ name, pattern, label: label ?? `\`${String(pattern)}\`` });

export const Identifier = make("Identifier", /[A-Za-z_]\w*/, "a name");

const word = (text: string): TokenType =>
  createToken({ name: text, pattern: text, longer_alt: Identifier, label: `\`${text}\`` });

export const Dims = word("dims");
export const Set_ = word("set");
export const Layer = word("layer");
export const Model = word("model");
export const Train = word("train");
export const Param = word("param");
export const Init = word("init");
export const Repeat = word("repeat");
export const Return = word("return");
export const Loss = word("loss");
export const As = word("as");

export const NumberLiteral = make("Number", /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/, "a number");
export const StringLiteral = make("String", /"[^"\r\n]*"/, "a text in quotes");
export const Ellipsis = make("Ellipsis", "...");
export const Arrow = make("Arrow", "->");
export const PlusAssign = make("PlusAssign", "+=");
export const MinusAssign = make("MinusAssign", "-=");
export const TimesAssign = make("TimesAssign", "*=");
export const Assign = make("Assign", "=");
export const Plus = make("Plus", "+");
export const Minus = make("Minus", "-");
export const Times = make("Times", "*");
export const Divide = make("Divide", "/");
export const MatMul = make("MatMul", "@");
export const Prime = make("Prime", "'");
export const Hash = make("Hash", "#");
export const Dot = make("Dot", ".");
export const Comma = make("Comma", ",");
export const Colon = make("Colon", ":");
export const OpenParen = make("OpenParen", "(");
export const CloseParen = make("CloseParen", ")");
export const OpenBracket = make("OpenBracket", "[");
export const CloseBracket = make("CloseBracket", "]");
export const OpenBrace = make("OpenBrace", "{");
export const CloseBrace = make("CloseBrace", "}");
export const Less = make("Less", "<");
export const Greater = make("Greater", ">");

export const LineBreak = createToken({
  name: "LineBreak",
  pattern: /\r\n|\r|\n/,
  label: "the end of the line",
  line_breaks: true,
});

const Blank = createToken({
  name: "Blank",
  pattern: /[ \t\f\v\u00a0\ufeff]+/,
  group: Lexer.SKIPPED,
});
const Comment = createToken({ name: "Comment", pattern: /\/\/[^\r\n]*/, group: "comments" });

/** The words that cannot be names. */
export const KEYWORDS: readonly TokenType[] = [
  Dims,
  Set_,
  Layer,
  Model,
  Train,
  Param,
  Init,
  Repeat,
  Return,
  Loss,
  As,
];

export const TOKENS: readonly TokenType[] = [
  Blank,
  LineBreak,
  Comment,
  ...KEYWORDS,
  Identifier,
  NumberLiteral,
  StringLiteral,
  Ellipsis,
  Arrow,
  PlusAssign,
  MinusAssign,
  TimesAssign,
  Assign,
  Plus,
  Minus,
  Times,
  Divide,
  MatMul,
  Prime,
  Hash,
  Dot,
  Comma,
  Colon,
  OpenParen,
  CloseParen,
  OpenBracket,
  CloseBracket,
  OpenBrace,
  CloseBrace,
  Less,
  Greater,
];

/** Tokens after which a line goes on. */
const CONTINUES: ReadonlySet<TokenType> = new Set([
  Arrow,
  PlusAssign,
  MinusAssign,
  TimesAssign,
  Assign,
  Plus,
  Minus,
  Times,
  Divide,
  MatMul,
  Hash,
  Dot,
  Comma,
  Colon,
  As,
]);

/** Tokens that begin a line of the file or of a body: no open parenthesis survives them. */
const STARTS: ReadonlySet<TokenType> = new Set([
  Dims,
  Set_,
  Layer,
  Model,
  Train,
  Param,
  Repeat,
  Return,
  Loss,
  CloseBrace,
]);

const ASSIGNS: ReadonlySet<TokenType> = new Set([Assign, PlusAssign, MinusAssign, TimesAssign]);

const lexer = new Lexer([...TOKENS], { positionTracking: "full", ensureOptimizations: false });

export interface Tokens {
  /** What the grammar reads: line breaks only where they end a statement, one at a time. */
  readonly tokens: readonly IToken[];
  /** Everything but blanks, in order: what the formatter reads. */
  readonly raw: readonly IToken[];
  readonly comments: readonly IToken[];
  readonly errors: readonly ILexingError[];
}

export function isComment(token: IToken): boolean {
  return token.tokenType === Comment;
}

/** Whether a line ends with an operator or a comma, so that the next one goes on with it. */
export function continuesAfter(line: readonly IToken[], before: boolean): boolean {
  const last = line.filter((token) => !isComment(token)).at(-1);
  return last === undefined ? before : CONTINUES.has(last.tokenType);
}

/** True where `tokens[i]`, the first of a line, begins a statement whatever is open. */
function beginsStatement(tokens: readonly IToken[], i: number): boolean {
  const token = tokens[i];
  const next = tokens[i + 1];
  if (token === undefined) return true;
  if (STARTS.has(token.tokenType)) return true;
  return token.tokenType === Identifier && next !== undefined && ASSIGNS.has(next.tokenType);
}

/** The tokens of a text. A byte order mark, tabs, and any kind of line break are fine. */
export function tokenize(text: string): Tokens {
  const result = lexer.tokenize(text);
  const comments = result.groups["comments"] ?? [];
  const all = result.tokens;
  const tokens: IToken[] = [];
  let open = 0;
  for (const [i, token] of all.entries()) {
    const type = token.tokenType;
    if (type !== LineBreak) {
      if (type === OpenParen || type === OpenBracket) open += 1;
      else if (type === CloseParen || type === CloseBracket) open = Math.max(0, open - 1);
      else if (type === OpenBrace) open = 0;
      tokens.push(token);
      continue;
    }
    const before = tokens[tokens.length - 1]?.tokenType;
    if (before === undefined || before === LineBreak || before === OpenBrace) continue;
    const goesOn = open > 0 || CONTINUES.has(before);
    // After a comma outside brackets, `D = 512` is the next dimension.
    const isList = open === 0 && before === Comma;
    if (goesOn && (isList || !beginsStatement(all, i + 1))) continue;
    open = 0;
    tokens.push(token);
  }
  const raw = [...all, ...comments].sort((a, b) => a.startOffset - b.startOffset);
  return { tokens, raw, comments, errors: result.errors };
}
