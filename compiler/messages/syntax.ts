/** E01xx: the text of an `.ane` file. (E0150… is text of MIL.) */
import type { Help } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { at, didYouMean, listOf, message } from "./message.ts";

export const unknownCharacter = message(
  "E0101",
  {
    summary: "a character the language does not use",
    explain:
      "Outside comments the language uses letters, digits, `_` and `+ - * / @ ' = < > ( ) [ ] { } , : . # \"`.",
  },
  (span: Span, text: string) => ({
    title: `the language does not use \`${text}\``,
    labels: at(span),
    help: helpForCharacter(span, text),
  }),
);

function helpForCharacter(span: Span, text: string): Help[] {
  if (text === ";") return [{ text: "leave it out: a statement ends with its line" }];
  const replacement = REPLACED[text];
  return replacement === undefined
    ? []
    : [{ text: `write \`${replacement}\``, edit: { span, replacement } }];
}

/** What people write for what the language has. */
const REPLACED: Readonly<Record<string, string>> = {
  "·": "*",
  "×": "*",
  "−": "-",
  "’": "'",
  "→": "->",
};

export const unexpectedToken = message(
  "E0102",
  {
    summary: "something else was expected here",
    explain:
      "The text does not follow the grammar at the marked place. A statement is a `param`, an assignment, " +
      "a `repeat`, a `return` or a `loss`; it ends with the line unless a bracket is open or the line " +
      "ends with an operator.",
  },
  (span: Span, expected: string, found: string, help: readonly Help[] = []) => ({
    title: `expected ${expected}, found ${found}`,
    labels: at(span),
    help,
  }),
);

export const reservedWord = message(
  "E0103",
  {
    summary: "a word of the language used as a name",
    explain:
      "`dims`, `set`, `layer`, `model`, `train`, `param`, `init`, `repeat`, `return`, `loss` and `as` " +
      "cannot be names of values, layers or dimensions.",
  },
  (span: Span, word: string) => ({
    title: `\`${word}\` is a word of the language and cannot be a name`,
    labels: at(span),
    help: [{ text: `choose another name, such as \`${word}_\`` }],
  }),
);

export const unclosedBracket = message(
  "E0104",
  {
    summary: "a bracket that is never closed",
    explain:
      "Every `(`, `[` and `{` needs its `)`, `]` and `}`. The message shows where one was opened and " +
      "where its other half was missed.",
  },
  (open: Span | undefined, bracket: string, close: string, here: Span, found: string) => ({
    title: `expected \`${close}\`, found ${found}`,
    labels: [
      ...at(here, `\`${close}\` is missing here`),
      ...at(open, `\`${bracket}\` was opened here`),
    ],
  }),
);

export const unfinishedLine = message(
  "E0105",
  {
    summary: "more on the line than one statement",
    explain:
      "A statement ends with its line. After `as [..]` only `*`, `/`, `+` and `-` may follow: to multiply " +
      "a re-arranged value by `@`, put it in parentheses.",
  },
  (span: Span, found: string, isMatmul: boolean) => ({
    title: `expected the end of the line, found ${found}`,
    labels: at(span, isMatmul ? "" : "one statement a line"),
    ...(isMatmul
      ? {
          why: "`as` binds less tightly than `@`, so nothing can multiply what it re-arranged.",
          help: [{ text: "put the re-arranged value in parentheses: `(x as [S, H*E]) @ w`" }],
        }
      : {}),
  }),
);

export const colonOrEquals = message(
  "E0106",
  {
    summary: "`=` where `:` belongs, or the reverse",
    explain:
      "`:` gives a type (`param w: [D, F]`, `x: [S, D]`) or an attribute of a call (`rope(x, theta: 10000)`); " +
      "`=` gives a value (`dims S = 128`, `x = silu(y)`).",
  },
  (span: Span, expected: ":" | "=", purpose: string) => ({
    title: `expected \`${expected}\`, found \`${expected === ":" ? "=" : ":"}\``,
    labels: at(span),
    help: [{ text: `${purpose} \`${expected}\``, edit: { span, replacement: expected } }],
  }),
);

export const unterminatedText = message(
  "E0107",
  {
    summary: "a text in quotes that does not end",
    explain: 'A text such as `"split"` ends on its line.',
  },
  (span: Span) => ({ title: 'this text has no closing `"`', labels: at(span) }),
);

export const nestedTooDeeply = message(
  "E0108",
  {
    summary: "brackets nested too deeply",
    explain: "Brackets may be nested 100 deep. Name parts of the expression.",
  },
  (span: Span, limit: number) => ({
    title: `brackets are nested more than ${limit} deep`,
    labels: at(span),
    help: [{ text: "give the inner parts names" }],
  }),
);

export const statementTooLong = message(
  "E0109",
  {
    summary: "a statement that is too long",
    explain: "A statement may have 2,000 words and signs. Name parts of it.",
  },
  (span: Span, limit: number) => ({
    title: `this statement has more than ${limit} words and signs`,
    labels: at(span),
    help: [{ text: "split it, and give the parts names" }],
  }),
);

export const statementOutside = message(
  "E0110",
  {
    summary: "a statement outside a layer",
    explain:
      "A file consists of `dims`, `set`, `layer`, `model` and `train`. Assignments, `param`, `repeat`, " +
      "`return` and `loss` belong inside the braces of a layer, a model or a train.",
  },
  (span: Span, found: string, candidates: readonly string[]) => ({
    title: `expected ${listOf(candidates.map((c) => `\`${c}\``)).replace(" and ", " or ")}, found ${found}`,
    labels: at(span),
    why: "A file consists of these; statements belong inside the braces of a layer, a model or a train.",
    help: didYouMean(found.replaceAll("`", ""), candidates, span),
  }),
);

export const numberOutOfRange = message(
  "E0111",
  {
    summary: "a number that no computer number is near",
    explain: "Numbers are IEEE double precision; this one is beyond 1.8e308.",
  },
  (span: Span, text: string) => ({
    title: `\`${text}\` is too large a number`,
    labels: at(span),
  }),
);

export const unknownInit = message(
  "E0112",
  {
    summary: "an initial value the language does not know",
    explain:
      "`init uniform(A)` draws from U(−A, A), `init normal(A)` from a normal distribution of standard " +
      "deviation A; `init ones`, `init zeros` and `init constant(A)` do what they say. Without `init`, " +
      "matrices start `uniform(1/sqrt(first dimension))` and vectors with ones.",
  },
  (span: Span, kind: string, kinds: readonly string[]) => ({
    title: `there is no initial value named \`${kind}\``,
    labels: at(span),
    why: `Initial values are ${listOf(kinds.map((k) => `\`${k}\``))}.`,
    help: didYouMean(kind, kinds),
  }),
);

export const initValue = message(
  "E0113",
  {
    summary: "`init` with a value too many or too few",
    explain: "`uniform`, `normal` and `constant` take one number; `ones` and `zeros` take none.",
  },
  (span: Span, kind: string, takes: boolean) => ({
    title: takes
      ? `\`init ${kind}\` needs a number: \`init ${kind}(0.02)\``
      : `\`init ${kind}\` takes no number`,
    labels: at(span),
  }),
);

export const misplacedStatement = message(
  "E0114",
  {
    summary: "a statement where it means nothing",
    explain:
      "`return` ends a layer or a model, `loss` ends a train; both stand last and outside `repeat`. `param` " +
      "stands outside `repeat` too: a layer called in it owns parameters for each iteration. A model " +
      "takes no `<…>` variables and no `...`, because nothing would bind them.",
  },
  (span: Span, title: string, help: string) => ({
    title,
    labels: at(span),
    help: [{ text: help }],
  }),
);

export const notText = message(
  "E0115",
  {
    summary: "a file that is not text",
    explain:
      "Files of the language are UTF-8 text. This one holds bytes that are not: it may be a program, an " +
      "archive, or text in another encoding such as Latin-1, which `iconv` converts.",
  },
  (span: Span) => ({
    title: `${span.source.path} is not UTF-8 text`,
    labels: at(span, "the first byte that is no character"),
    help: [{ text: "if it is text in another encoding, convert it: `iconv -f latin1 -t utf-8`" }],
  }),
);

export const otherLanguage = message(
  "E0116",
  {
    summary: "something of another language",
    explain:
      "The text has something that Python and PyTorch have and this language has not. The help says what there " +
      "is instead; docs/language.md has the whole table.",
  },
  (span: Span, written: string, help: Help) => ({
    title: `the language has no \`${written}\``,
    labels: at(span),
    help: [help],
  }),
);
