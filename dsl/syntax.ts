/**
 * Text to a syntax tree: tokens, limits, grammar, and all the mistakes found on the way.
 */
import type { IToken } from "chevrotain";
import * as messages from "../compiler/messages/syntax.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import type { File, Item } from "./ast.ts";
import { hashComment, hashComments, withoutComments } from "./habit_places.ts";
import { parseTokens } from "./parser.ts";
import { syntaxDiagnostics } from "./syntax_errors.ts";
import * as t from "./tokens.ts";

/** Brackets inside brackets; the parser and all that walks the tree recurse on them. */
const NESTING_LIMIT = 100;
/** Tokens of a statement; a chain of operators nests as deep as it is long. */
const STATEMENT_LIMIT = 2000;

export interface Parsed {
  readonly ast: File;
  /** Empty for a good file. */
  readonly diagnostics: readonly Diagnostic[];
}

const spanOf = (source: SourceFile, token: IToken): Span => ({
  source,
  start: token.startOffset,
  end: token.startOffset + token.image.length,
});

const OPENS = new Set([t.OpenParen, t.OpenBracket, t.OpenBrace]);
const CLOSES = new Set([t.CloseParen, t.CloseBracket, t.CloseBrace]);
const ENDS = new Set([t.LineBreak, t.OpenBrace, t.CloseBrace]);

/** What would make the parser recurse too deeply. */
function beyondLimits(source: SourceFile, tokens: readonly IToken[]): Diagnostic | undefined {
  let depth = 0;
  let first = 0;
  for (const [i, token] of tokens.entries()) {
    if (OPENS.has(token.tokenType)) depth += 1;
    else if (CLOSES.has(token.tokenType)) depth = Math.max(0, depth - 1);
    if (depth > NESTING_LIMIT)
      return messages.nestedTooDeeply(spanOf(source, token), NESTING_LIMIT);
    if (ENDS.has(token.tokenType)) first = i + 1;
    if (i - first > STATEMENT_LIMIT) {
      return messages.statementTooLong(spanOf(source, tokens[first]!), STATEMENT_LIMIT);
    }
  }
  return undefined;
}

function characterErrors(source: SourceFile, errors: t.Tokens["errors"]): Diagnostic[] {
  return errors.map(({ offset, length }) => {
    const text = source.text.slice(offset, offset + length);
    if (text.startsWith('"'))
      return messages.unterminatedText({ source, start: offset, end: offset + 1 });
    const character = String.fromCodePoint(text.codePointAt(0) ?? 0x20);
    return messages.unknownCharacter({ source, start: offset, end: offset + length }, character);
  });
}

/** The `///` lines that stand above each token that starts a line, by the token's offset. */
function docComments(raw: readonly IToken[]): Map<number, string> {
  const docs = new Map<number, string>();
  let lines: string[] = [];
  for (const token of raw) {
    if (t.isComment(token)) {
      if (token.image.startsWith("///")) lines.push(token.image.slice(3).trim());
    } else if (token.tokenType !== t.LineBreak) {
      if (lines.length > 0) docs.set(token.startOffset, lines.join("\n"));
      lines = [];
    }
  }
  return docs;
}

function numbersOutOfRange(source: SourceFile, tokens: readonly IToken[]): Diagnostic[] {
  return tokens
    .filter((token) => token.tokenType === t.NumberLiteral && !Number.isFinite(Number(token.image)))
    .map((token) => messages.numberOutOfRange(spanOf(source, token), token.image));
}

/** NUL, and the character that stands for bytes that are no UTF-8. */
const NO_TEXT = ["\u0000", "\ufffd"];
/** Mistakes reported for one file; what follows is mostly a consequence of them. */
const MOST_MISTAKES = 100;

/** Rounds of finding `#` comments: each mistake that goes may show another. */
const MOST_ROUNDS = 8;

/** Parses a file. Never throws: what could not be read is `broken` in the tree and has a diagnostic. */
export function parseFile(source: SourceFile): Parsed {
  const garbage = NO_TEXT.map((c) => source.text.indexOf(c)).filter((at) => at >= 0);
  if (garbage.length > 0) {
    const start = Math.min(...garbage);
    const span = { source, start, end: start + 1 };
    return { ast: { source, items: [] }, diagnostics: [messages.notText(span)] };
  }
  const comments: Diagnostic[] = [];
  let text = source.text;
  let parsed = parseText(source, text);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = hashComments(text, parsed.raw, parsed.diagnostics);
    if (found.length === 0) break;
    comments.push(...found.map((start) => hashComment(source, start)));
    text = withoutComments(text, found);
    parsed = parseText(source, text);
  }
  const diagnostics = [...comments, ...parsed.diagnostics];
  diagnostics.sort((a, b) => (a.labels[0]?.span.start ?? 0) - (b.labels[0]?.span.start ?? 0));
  return { ast: { source, items: parsed.items }, diagnostics: diagnostics.slice(0, MOST_MISTAKES) };
}

interface ParsedText {
  readonly items: readonly Item[];
  readonly raw: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses `text`, which is that of `source` but for comments. */
function parseText(source: SourceFile, text: string): ParsedText {
  const { tokens, raw, errors } = t.tokenize(text);
  const characters = [...characterErrors(source, errors), ...numbersOutOfRange(source, tokens)];
  const limit = beyondLimits(source, tokens);
  if (limit !== undefined) return { items: [], raw, diagnostics: [...characters, limit] };
  const { items, errors: faults } = parseTokens(source, tokens, docComments(raw));
  const grammar = syntaxDiagnostics(source, tokens, faults, characters);
  return { items, raw, diagnostics: [...characters, ...grammar] };
}
