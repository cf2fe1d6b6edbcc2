/** Where a text that does not parse has something of another language (`habits.ts`), by the tokens around a mistake. */
import type { IToken, TokenType } from "chevrotain";
import * as messages from "../compiler/messages/syntax.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import { builtIns, dimensionFunctions } from "./functions.ts";
import { CALLS, type Habit, habitNamed, SELF, SIGNS, WORDS } from "./habits.ts";
import * as t from "./tokens.ts";

interface Place {
  readonly habit: Habit;
  /** As the user wrote it: `x.view(…)`. */
  readonly written: string;
  readonly from: IToken;
  readonly to: IToken;
}

/** Tokens that end a value. */
const ENDS: ReadonlySet<TokenType | undefined> = new Set([
  t.Identifier,
  t.NumberLiteral,
  t.CloseParen,
  t.CloseBracket,
  t.Prime,
]);
const BEGINS_LINE: ReadonlySet<TokenType | undefined> = new Set([
  undefined,
  t.LineBreak,
  t.OpenBrace,
  t.CloseBrace,
]);
/** Rules of declarations, in which brackets and signs mean something else. */
const DECLARATIONS: ReadonlySet<string> = new Set([
  "layerItem",
  "trainItem",
  "dimsItem",
  "signature",
  "type",
  "paramStatement",
]);

const isNext = (a: IToken | undefined, b: IToken | undefined): boolean =>
  a !== undefined && b !== undefined && b.startOffset === a.startOffset + a.image.length;

/** The message of a habit at `tokens[i]`, where the grammar failed in `rule`; undefined where there is none. */
export function habitAt(
  source: SourceFile,
  tokens: readonly IToken[],
  i: number,
  rule: string,
): Diagnostic | undefined {
  const token = tokens[i];
  if (token === undefined) return undefined;
  const place =
    wordAt(tokens, i) ??
    (DECLARATIONS.has(rule) ? undefined : (methodAt(tokens, i) ?? signAt(tokens, i, token, rule)));
  if (place === undefined) return undefined;
  const { from, to, written, habit } = place;
  const span = { source, start: from.startOffset, end: to.startOffset + to.image.length };
  return messages.otherLanguage(span, written, { text: habit.help });
}

/** `if`, `for`, `def`: here, or as the word before, which was taken for the name of a value. */
function wordAt(tokens: readonly IToken[], i: number): Place | undefined {
  const before = BEGINS_LINE.has(tokens[i - 2]?.tokenType) ? tokens[i - 1] : undefined;
  for (const token of [tokens[i], before]) {
    if (token?.tokenType !== t.Identifier) continue;
    const habit = habitNamed(WORDS, token.image);
    if (habit !== undefined) return { habit, written: token.image, from: token, to: token };
  }
  return undefined;
}

/** `x.view(`: the parenthesis is what the grammar does not expect. */
function methodAt(tokens: readonly IToken[], i: number): Place | undefined {
  const [owner, dot, name] = [tokens[i - 3], tokens[i - 2], tokens[i - 1]];
  const isMethod =
    tokens[i]?.tokenType === t.OpenParen &&
    name?.tokenType === t.Identifier &&
    dot?.tokenType === t.Dot;
  if (!isMethod || name === undefined) return undefined;
  const from = owner?.tokenType === t.Identifier ? owner : name;
  const written = `${owner?.tokenType === t.Identifier ? owner.image : "…"}.${name.image}(…)`;
  return { habit: methodHabit(owner?.image, name.image), written, from, to: name };
}

function methodHabit(owner: string | undefined, name: string): Habit {
  if (owner !== undefined && SELF.written.includes(owner)) return SELF;
  const known = builtIns.has(name) || dimensionFunctions.has(name);
  return known
    ? { ...SIGNS.method, help: `call it by its name alone: \`${name}(x)\`` }
    : (habitNamed(CALLS, name) ?? SIGNS.method);
}

function signAt(
  tokens: readonly IToken[],
  i: number,
  token: IToken,
  rule: string,
): Place | undefined {
  const [before, after] = [tokens[i - 1], tokens[i + 1]];
  const place = (habit: Habit, written: string, from = token, to = token): Place => ({
    habit,
    written,
    from,
    to,
  });
  const afterValue = before !== undefined && ENDS.has(before.tokenType);
  switch (token.tokenType) {
    case t.OpenBracket:
      return afterValue ? place(SIGNS.index, `${before.image}[…]`) : undefined;
    case t.Greater:
    case t.Less: {
      const isOrEqual = after?.tokenType === t.Assign && isNext(token, after);
      const to = isOrEqual ? after : token;
      const written = isOrEqual ? `${token.image}=` : token.image;
      return afterValue ? place(SIGNS.compare, written, token, to) : undefined;
    }
    case t.Times:
      return before?.tokenType === t.Times && isNext(before, token)
        ? place(SIGNS.power, "**", before)
        : undefined;
    case t.Assign:
      if (before?.tokenType === t.Divide && isNext(before, token))
        return place(SIGNS.divideAssign, "/=", before);
      if (after?.tokenType === t.Assign && isNext(token, after))
        return place(SIGNS.equal, "==", token, after);
      return before?.tokenType === t.Assign && isNext(before, token)
        ? place(SIGNS.equal, "==", before)
        : undefined;
    case t.Divide:
      return after?.tokenType === t.Assign && isNext(token, after)
        ? place(SIGNS.divideAssign, "/=", token, after)
        : undefined;
    case t.Dot:
      return after?.tokenType === t.NumberLiteral && isNext(token, after) && !afterValue
        ? place(SIGNS.fraction, `.${after.image}`, token, after)
        : undefined;
    case t.Comma:
      return afterValue && (rule === "terminator" || rule === "assignStatement")
        ? place(SIGNS.tuple, `${before.image}, …`)
        : undefined;
    default:
      return undefined;
  }
}

const lineStart = (text: string, offset: number): number =>
  Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1)) + 1;

/**
 * Where comments with `#` begin in a text with mistakes: at the first `#` of a line that begins with it, or that has
 * a mistake and a blank before it. `rms_norm#attn(x)` is none.
 */
export function hashComments(
  text: string,
  raw: readonly IToken[],
  mistakes: readonly Diagnostic[],
): readonly number[] {
  if (mistakes.length === 0) return [];
  // For each line, where its last mistake is.
  const last = new Map<number, number>();
  for (const { labels } of mistakes) {
    const offset = labels[0]?.span.start ?? 0;
    const line = lineStart(text, offset);
    last.set(line, Math.max(offset, last.get(line) ?? 0));
  }
  const found = new Map<number, number>();
  for (const { tokenType, startOffset } of raw) {
    if (tokenType !== t.Hash) continue;
    const line = lineStart(text, startOffset);
    const isFirst = text.slice(line, startOffset).trim() === "";
    const isApart = /^\s/.test(text.slice(startOffset + 1));
    const isAfterBlank = /\s/.test(text[startOffset - 1] ?? "");
    // `x = y # the sum` on a line with any mistake, `x = y #sum` only before one.
    const isWrong = (last.get(line) ?? -1) >= (isApart ? line : startOffset);
    if ((isFirst || (isAfterBlank && isWrong)) && !found.has(line)) found.set(line, startOffset);
  }
  return [...found.values()];
}

/** The message of a comment with `#`. */
export function hashComment(source: SourceFile, start: number): Diagnostic {
  const span: Span = { source, start, end: start + 1 };
  const help = { text: SIGNS.comment.help, edit: { span, replacement: "//" } };
  return messages.otherLanguage(span, "# …", help);
}

/** The text with blanks for the rest of each line from `starts` on, in order, so that every other place stays. */
export function withoutComments(text: string, starts: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const start of starts) {
    const length = text.slice(start).search(/[\r\n]|$/);
    parts.push(text.slice(from, start), " ".repeat(length));
    from = start + length;
  }
  return [...parts, text.slice(from)].join("");
}
