/** A place in the tokens of a MIL text, and the small steps from which the parser is made. */
import { milExpected } from "../messages/mil.ts";
import { UserError } from "../support/diagnostic.ts";
import { type SourceFile, type Span, spanOf } from "../support/source.ts";
import { shortened, TOKEN, type Tokens } from "./lex.ts";

export interface Cursor {
  readonly source: SourceFile;
  readonly tokens: Tokens;
  /** Index of the next token. */
  at: number;
}

/** The kind of the next token, or of the one `ahead` places after it. */
export function peek(c: Cursor, ahead = 0): number {
  return c.tokens.kinds[c.at + ahead] ?? TOKEN.end;
}

/** The text of token `index`. */
export function tokenText(c: Cursor, index: number): string {
  return c.source.text.slice(c.tokens.starts[index], c.tokens.ends[index]);
}

/** The place of token `index`. */
export function spanAt(c: Cursor, index: number): Span {
  const end = c.source.text.length;
  return spanOf(c.source, c.tokens.starts[index] ?? end, c.tokens.ends[index] ?? end);
}

/** Stops because the next token is not what the grammar wants. */
export function fail(c: Cursor, expected: string): never {
  throw new UserError(milExpected(spanAt(c, c.at), expected, foundAt(c, c.at)));
}

/** Token `index` in words, for "found …". */
export function foundAt(c: Cursor, index: number): string {
  const kind = c.tokens.kinds[index] ?? TOKEN.end;
  if (kind === TOKEN.end) return "the end of the file";
  return kind === TOKEN.string ? "a string" : `\`${shortened(tokenText(c, index))}\``;
}

/** Steps over the punctuation `character`, if it is next. */
export function take(c: Cursor, character: string): boolean {
  if (peek(c) !== character.charCodeAt(0)) return false;
  c.at += 1;
  return true;
}

/** Steps over the punctuation `character`, which must be next. */
export function expect(c: Cursor, character: string): void {
  if (!take(c, character)) fail(c, `\`${character}\``);
}

/** Steps over a name, which must be next, and returns it; `what` says whose name. */
export function expectName(c: Cursor, what: string): string {
  if (peek(c) !== TOKEN.name) fail(c, what);
  c.at += 1;
  return tokenText(c, c.at - 1);
}

/** Steps over the name `word`, which must be next. */
export function expectWord(c: Cursor, word: string): void {
  if (peek(c) !== TOKEN.name || tokenText(c, c.at) !== word) fail(c, `\`${word}\``);
  c.at += 1;
}

/** `item, item, …` up to `close`, which is stepped over. Nothing at all is an empty list. */
export function listUntil<T>(c: Cursor, close: string, item: () => T): T[] {
  if (take(c, close)) return [];
  const out = [item()];
  while (!take(c, close)) {
    if (!take(c, ",")) fail(c, `\`,\` or \`${close}\``);
    out.push(item());
  }
  return out;
}
