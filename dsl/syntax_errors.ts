/**
 * Chevrotain's errors as messages of ours.
 *
 * Chevrotain lets a provider word its errors, as strings. Ours writes the facts (what was expected, in
 * which rule) as JSON; `syntaxDiagnostics` reads them back and looks at the tokens around the place.
 */
import type { IParserErrorMessageProvider, IToken, TokenType } from "chevrotain";
import * as messages from "../compiler/messages/syntax.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import { positionAt, type SourceFile, type Span } from "../compiler/support/source.ts";
import { EOF } from "./chevrotain.ts";
import { habitAt } from "./habit_places.ts";
import * as t from "./tokens.ts";

interface Fact {
  /** Name of the token type that had to come, or null where there were several. */
  readonly expected: string | null;
  readonly rule: string;
}

const fact = (expected: TokenType | null, rule: string): string =>
  JSON.stringify({ expected: expected?.name ?? null, rule } satisfies Fact);

export const factProvider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => fact(expected, ruleName),
  buildNotAllInputParsedMessage: ({ ruleName }) => fact(EOF, ruleName),
  buildNoViableAltMessage: ({ ruleName }) => fact(null, ruleName),
  buildEarlyExitMessage: ({ ruleName }) => fact(null, ruleName),
};

const LABELS: ReadonlyMap<string, string> = new Map(
  t.TOKENS.map((type) => [type.name, type.LABEL ?? type.name]),
);

/** What a rule stands for, where several tokens could begin it. */
const EXPECTED_BY_RULE: Readonly<Record<string, string>> = {
  item: "`dims`, `set`, `layer`, `model` or `train`",
  terminator: "the end of the line",
  type: "a dimension or `...`",
  dim: "a dimension",
  factor: "a dimension",
  statement: "a statement",
  assignStatement: "`=`, `+=`, `-=` or `*=`",
};

const ITEMS = ["dims", "set", "layer", "model", "train"] as const;
const BRACKETS: Readonly<Record<string, readonly [open: TokenType, text: string, close: string]>> =
  {
    CloseParen: [t.OpenParen, "(", ")"],
    CloseBracket: [t.OpenBracket, "[", "]"],
    CloseBrace: [t.OpenBrace, "{", "}"],
  };

export function describeToken(token: IToken): string {
  if (token.tokenType === EOF) return "the end of the file";
  if (token.tokenType === t.LineBreak) return "the end of the line";
  return `\`${token.image}\``;
}

export interface SyntaxError {
  readonly message: string;
  readonly token: IToken;
  readonly previousToken?: IToken | undefined;
}

function spanAt(source: SourceFile, error: SyntaxError): Span {
  const { token, previousToken } = error;
  const isPast = token.tokenType === EOF || token.tokenType === t.LineBreak;
  if (!isPast) {
    return { source, start: token.startOffset, end: token.startOffset + token.image.length };
  }
  // The end of a line or of the file: just after the last thing on it.
  const end = previousToken?.endOffset;
  const start =
    end !== undefined && Number.isFinite(end) && previousToken?.tokenType !== t.LineBreak
      ? end + 1
      : Math.min(source.text.length, token.startOffset || source.text.trimEnd().length);
  return { source, start, end: start + 1 };
}

/** The bracket that is still open before `token`. */
function openBefore(
  source: SourceFile,
  tokens: readonly IToken[],
  token: IToken,
  open: TokenType,
): Span | undefined {
  const close = Object.entries(BRACKETS).find(([, [o]]) => o === open)?.[0];
  const index = token.tokenType === EOF ? tokens.length : tokens.indexOf(token);
  let depth = 0;
  for (let i = index - 1; i >= 0; i--) {
    const { tokenType, startOffset } = tokens[i]!;
    if (tokenType.name === close) depth += 1;
    else if (tokenType === open && depth-- === 0) {
      return { source, start: startOffset, end: startOffset + 1 };
    }
  }
  return undefined;
}

function isItem(token: IToken): boolean {
  return (ITEMS as readonly string[]).includes(token.tokenType.name);
}

function isKeyword(token: IToken): boolean {
  return t.KEYWORDS.includes(token.tokenType);
}

function diagnose(source: SourceFile, tokens: readonly IToken[], error: SyntaxError): Diagnostic {
  const { expected, rule } = JSON.parse(error.message) as Fact;
  const { token, previousToken } = error;
  const type = token.tokenType;
  const span = spanAt(source, error);
  const found = describeToken(token);

  const habit = habitAt(source, tokens, tokens.indexOf(token), rule);
  if (habit !== undefined) return habit;
  if (expected === "EOF" || rule === "file") return messages.statementOutside(span, found, ITEMS);
  if (rule === "terminator") return messages.unfinishedLine(span, found, type === t.MatMul);
  const isNameHere = expected === "Identifier" || (expected === null && NAME_RULES.has(rule));
  if (isNameHere && isKeyword(token) && previousToken?.tokenType !== t.LineBreak) {
    return messages.reservedWord(span, token.image);
  }
  if (expected === "Colon" && type === t.Assign) {
    return messages.colonOrEquals(span, ":", "a type is written after");
  }
  if (expected === "Assign" && type === t.Colon) {
    return messages.colonOrEquals(span, "=", "a value is written after");
  }
  if (rule === "callArguments" && type === t.Assign) {
    return messages.colonOrEquals(span, ":", "an attribute is written with");
  }
  if (rule === "assignStatement" && type === t.Colon) {
    const help = { text: "a parameter is declared with `param w: [D, F]`, a value with `x = …`" };
    return messages.unexpectedToken(span, EXPECTED_BY_RULE["assignStatement"]!, found, [help]);
  }
  const bracket = expected === null ? undefined : BRACKETS[expected];
  if (expected === "CloseBrace" && type !== EOF && !isItem(token)) {
    const isFirst = tokens[tokens.indexOf(token) - 1]?.tokenType === t.LineBreak;
    const help = isFirst && OPERATORS.has(type) ? [CONTINUE] : [];
    return messages.unexpectedToken(span, "a statement or `}`", found, help);
  }
  if (bracket !== undefined) {
    const [open, text, close] = bracket;
    return messages.unclosedBracket(
      openBefore(source, tokens, token, open),
      text,
      close,
      span,
      found,
    );
  }
  if (type === t.StringLiteral || expected !== null) {
    return messages.unexpectedToken(span, LABELS.get(expected ?? "") ?? "something else", found);
  }
  return messages.unexpectedToken(span, EXPECTED_BY_RULE[rule] ?? "a value", found);
}

/** Rules that begin with a name among other things. */
const NAME_RULES: ReadonlySet<string> = new Set(["dimsItem", "primary", "factor", "type"]);
const OPERATORS: ReadonlySet<TokenType> = new Set([t.Plus, t.Minus, t.Times, t.Divide, t.MatMul]);
const CONTINUE = { text: "to go on with a line, end the line before with the operator" };

function lineOf(diagnostic: Diagnostic): number {
  const span = diagnostic.labels[0]?.span;
  return span === undefined ? 0 : positionAt(span.source, span.start).line;
}

/**
 * One diagnostic a line, and none where the characters are wrong already: what follows on a line is
 * mostly the same mistake seen again.
 */
export function syntaxDiagnostics(
  source: SourceFile,
  tokens: readonly IToken[],
  errors: readonly SyntaxError[],
  before: readonly Diagnostic[],
): Diagnostic[] {
  const lines = new Set(before.map(lineOf));
  const found: Diagnostic[] = [];
  for (const error of errors) {
    const diagnostic = diagnose(source, tokens, error);
    const line = lineOf(diagnostic);
    // Past a mistake inside a layer its end may be lost, and all that follows looks outside.
    const isEcho = diagnostic.code === messages.statementOutside.code && found.length > 0;
    if (lines.has(line) || isEcho) continue;
    lines.add(line);
    found.push(diagnostic);
  }
  return found;
}
