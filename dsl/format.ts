/**
 * The canonical layout of a file.
 *
 * It works on tokens, so comments and the way an author broke lines stay as they are; what changes is
 * the space between tokens, the indentation (two blanks inside braces and brackets), blank lines (at
 * most one; one around layers) and two blanks before a trailing comment. Formatting twice is
 * formatting once, and a formatted file parses to the same tree.
 */
import type { IToken, TokenType } from "chevrotain";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { parseFile } from "./syntax.ts";
import * as t from "./tokens.ts";

interface Line {
  readonly tokens: IToken[];
  blankBefore: boolean;
}

/** The tokens of each line that has any; runs of empty lines become a mark on the next. */
function linesOf(raw: readonly IToken[]): Line[] {
  const lines: Line[] = [];
  let current: IToken[] = [];
  let breaks = 0;
  for (const token of raw) {
    if (token.tokenType !== t.LineBreak) {
      if (current.length === 0) lines.push({ tokens: current, blankBefore: breaks > 1 });
      current.push(token);
      breaks = 0;
      continue;
    }
    breaks += 1;
    current = [];
  }
  return lines;
}

const NO_SPACE_AFTER: ReadonlySet<TokenType> = new Set([
  t.OpenParen,
  t.OpenBracket,
  t.Less,
  t.Hash,
  t.Dot,
]);
const NO_SPACE_BEFORE: ReadonlySet<TokenType> = new Set([
  t.CloseParen,
  t.CloseBracket,
  t.Greater,
  t.Less,
  t.Comma,
  t.Colon,
  t.Prime,
  t.Hash,
  t.Dot,
]);
const ENDS_VALUE: ReadonlySet<TokenType> = new Set([
  t.Identifier,
  t.NumberLiteral,
  t.StringLiteral,
  t.CloseParen,
  t.CloseBracket,
  t.Prime,
]);

/** What stands between two tokens of a line. `inShape`: inside `[…]`, where `*` joins factors. */
function gap(
  before: IToken,
  token: IToken,
  beforeThat: IToken | undefined,
  inShape: boolean,
): string {
  const [a, b] = [before.tokenType, token.tokenType];
  if (t.isComment(token)) return "  ";
  if (NO_SPACE_AFTER.has(a) || NO_SPACE_BEFORE.has(b)) return "";
  if (inShape && (a === t.Times || b === t.Times)) return "";
  // A minus that does not follow a value is a sign.
  if (a === t.Minus && (beforeThat === undefined || !ENDS_VALUE.has(beforeThat.tokenType)))
    return "";
  // A call, and the `[` of `f16[…]`.
  if (b === t.OpenParen && (a === t.Identifier || a === t.Greater)) return "";
  if (b === t.OpenBracket && a === t.Identifier) return "";
  return " ";
}

const OPENS: ReadonlySet<TokenType> = new Set([t.OpenParen, t.OpenBracket, t.OpenBrace]);
const CLOSES: ReadonlySet<TokenType> = new Set([t.CloseParen, t.CloseBracket, t.CloseBrace]);

/** Lines so that a `{` that does not close on its line ends it, and its `}` has a line of its own. */
function breakAtBraces(lines: readonly Line[]): Line[] {
  const result: Line[] = [];
  for (const line of lines) {
    let rest: Line = { tokens: [], blankBefore: line.blankBefore };
    const flush = () => {
      if (rest.tokens.length > 0) result.push(rest);
      rest = { tokens: [], blankBefore: false };
    };
    const opensHere = matchedBraces(line.tokens);
    for (const token of line.tokens) {
      const isLoose = !opensHere.has(token);
      if (token.tokenType === t.CloseBrace && isLoose) flush();
      const last = rest.tokens[rest.tokens.length - 1];
      const breaks = last !== undefined && !t.isComment(token) && endsLine(last, opensHere);
      if (breaks) flush();
      rest.tokens.push(token);
    }
    flush();
  }
  return result;
}

/** A brace of a block that spans lines ends its line, but for a comment after it. */
function endsLine(token: IToken, matched: ReadonlySet<IToken>): boolean {
  const isBrace = token.tokenType === t.OpenBrace || token.tokenType === t.CloseBrace;
  return isBrace && !matched.has(token);
}

/** The braces of a line whose other half is on it too. */
function matchedBraces(tokens: readonly IToken[]): Set<IToken> {
  const matched = new Set<IToken>();
  const open: IToken[] = [];
  for (const token of tokens) {
    if (token.tokenType === t.OpenBrace) open.push(token);
    const other = token.tokenType === t.CloseBrace ? open.pop() : undefined;
    if (other !== undefined) matched.add(other).add(token);
  }
  return matched;
}

const isDoc = (line: Line | undefined): boolean =>
  line !== undefined && line.tokens.length === 1 && t.isComment(line.tokens[0]!);

/** Whether an empty line stands before `lines[i]`. */
function wantsBlank(lines: readonly Line[], i: number, depth: number): boolean {
  const [before, line] = [lines[i - 1], lines[i]!];
  if (before === undefined) return false;
  const first = line.tokens[0]!.tokenType;
  if (
    first === t.CloseBrace ||
    before.tokens[before.tokens.length - 1]!.tokenType === t.OpenBrace
  ) {
    return false;
  }
  if (depth > 0) return line.blankBefore;
  const closes = before.tokens.some((token) => token.tokenType === t.CloseBrace);
  const opens = first === t.Layer || first === t.Model || first === t.Train;
  return closes || line.blankBefore || (opens && !isDoc(before));
}

function layLine(tokens: readonly IToken[], shapes: number): string {
  let text = "";
  let inShape = shapes;
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    if (before !== undefined) text += gap(before, token, tokens[i - 2], inShape > 0);
    text += t.isComment(token) ? token.image.trimEnd() : token.image;
    if (token.tokenType === t.OpenBracket) inShape += 1;
    if (token.tokenType === t.CloseBracket) inShape -= 1;
  }
  return text;
}

/**
 * The file in canonical layout.
 * @throws UserError with the file's syntax errors; a file that does not parse has no layout.
 */
export function format(source: string | SourceFile): string {
  const file = typeof source === "string" ? { path: "<text>", text: source } : source;
  const { diagnostics } = parseFile(file);
  if (diagnostics.length > 0) throw new UserError(diagnostics);

  const lines = breakAtBraces(linesOf(t.tokenize(file.text).raw));
  const out: string[] = [];
  let depth = 0; // open braces and brackets
  let brackets = 0; // of them, `(` and `[`
  let shapes = 0; // of them, `[`
  let goesOn = false;
  for (const [i, line] of lines.entries()) {
    const { tokens } = line;
    let closing = 0;
    while (closing < tokens.length && CLOSES.has(tokens[closing]!.tokenType)) closing += 1;
    const isContinued = goesOn && brackets === 0 && closing === 0;
    const level = Math.max(0, depth - closing + (isContinued ? 1 : 0));
    if (wantsBlank(lines, i, depth)) out.push("");
    out.push("  ".repeat(level) + layLine(tokens, shapes));
    for (const { tokenType } of tokens) {
      const isBrace = tokenType === t.OpenBrace || tokenType === t.CloseBrace;
      const step = OPENS.has(tokenType) ? 1 : CLOSES.has(tokenType) ? -1 : 0;
      depth += step;
      if (!isBrace) brackets += step;
      if (tokenType === t.OpenBracket) shapes += 1;
      if (tokenType === t.CloseBracket) shapes -= 1;
    }
    goesOn = depth >= 0 && t.continuesAfter(tokens, goesOn);
  }
  return out.length === 0 ? "" : `${out.join("\n")}\n`;
}
