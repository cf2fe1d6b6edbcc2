/**
 * MIL text as tokens.
 *
 * All tokens of a file are found in one pass and kept as three parallel arrays of small numbers: a
 * file of many megabytes has millions of them. A token's kind is one of `TOKEN` or, for punctuation, its
 * character code. White space and `//` comments are skipped.
 */
import { milBadCharacter, milBadNumber, milUnterminatedString } from "../messages/mil.ts";
import type { Diagnostic, Reporter } from "../support/diagnostic.ts";
import { type SourceFile, spanOf } from "../support/source.ts";
import { isNumber } from "./numbers.ts";

/** Kinds of tokens that are not punctuation; all below the codes of printable characters. */
export const TOKEN = { end: 0, name: 1, number: 2, string: 3, arrow: 4 } as const;

/** The last token is `TOKEN.end`, at the end of the text. */
export interface Tokens {
  readonly kinds: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** A word of the text as messages quote it. */
export function shortened(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}…` : word;
}

/** At most so many mistakes of one text are reported. */
export const MAX_MISTAKES = 20;

// Classes of ASCII characters.
const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const PUNCTUATION = 4;

const CLASS = new Uint8Array(128);
for (const c of " \t\r\n\f\v") CLASS[c.charCodeAt(0)] = SPACE;
for (let c = 0; c < 26; c++) CLASS[65 + c] = CLASS[97 + c] = LETTER;
CLASS["_".charCodeAt(0)] = LETTER;
for (let c = 48; c < 58; c++) CLASS[c] = DIGIT;
for (const c of "()[]{}<>,;=?") CLASS[c.charCodeAt(0)] = PUNCTUATION;

const QUOTE = 34;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;
const NEWLINE = 10;
const GREATER = 62;

/** The tokens of `source`. Mistakes are reported and skipped over. */
export function lexMil(source: SourceFile, reporter: Reporter): Tokens {
  const text = source.text;
  // Room for a token at each character; the system gives memory only to what is written.
  const kinds = new Uint8Array(text.length + 1);
  const starts = new Uint32Array(text.length + 1);
  const ends = new Uint32Array(text.length + 1);
  let count = 0;
  const add = (kind: number, start: number, end: number): void => {
    kinds[count] = kind;
    starts[count] = start;
    ends[count] = end;
    count += 1;
  };
  const classAt = (i: number): number => CLASS[text.charCodeAt(i)] ?? 0;
  const isWord = (i: number): boolean => {
    const c = classAt(i);
    return c === LETTER || c === DIGIT;
  };
  const report = (mistake: () => Diagnostic): void => {
    if (reporter.diagnostics.length < MAX_MISTAKES) reporter.report(mistake());
  };

  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (i < text.length) {
    const start = i;
    const code = text.charCodeAt(i);
    const kind = CLASS[code] ?? 0;
    let token: number;
    if (kind === SPACE) {
      i += 1;
      continue;
    }
    if (kind === PUNCTUATION) {
      token = code;
      i += 1;
    } else if (kind === LETTER) {
      i += 1;
      while (isWord(i)) i += 1;
      token = TOKEN.name;
    } else if (code === SLASH && text.charCodeAt(i + 1) === SLASH) {
      const end = text.indexOf("\n", i);
      i = end < 0 ? text.length : end;
      continue;
    } else if (code === QUOTE) {
      i = endOfString(text, i + 1);
      token = TOKEN.string;
      if (i < 0) {
        const line = text.indexOf("\n", start);
        i = line < 0 ? text.length : line;
        report(() => milUnterminatedString(spanOf(source, start, i)));
      }
    } else if (code === MINUS && text.charCodeAt(i + 1) === GREATER) {
      token = TOKEN.arrow;
      i += 2;
    } else if (kind === DIGIT || code === MINUS || code === DOT) {
      token = TOKEN.number;
      const whole = endOfDigits(text, kind === DIGIT ? i : i + 1);
      if (kind === DIGIT && classAt(whole) !== LETTER && text.charCodeAt(whole) !== DOT) {
        i = whole;
      } else {
        i = endOfNumber(text, i + 1);
        const spelled = text.slice(start, i);
        if (!isNumber(spelled)) {
          report(() => milBadNumber(spanOf(source, start, i), shortened(spelled)));
        }
      }
    } else {
      const point = text.codePointAt(i) ?? 0;
      i += point > 0xffff ? 2 : 1;
      report(() => milBadCharacter(spanOf(source, start, i), describeCharacter(point)));
      continue;
    }
    add(token, start, i);
  }
  add(TOKEN.end, text.length, text.length);
  return {
    kinds: kinds.subarray(0, count),
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
  };
}

function endOfDigits(text: string, i: number): number {
  while (CLASS[text.charCodeAt(i)] === DIGIT) i += 1;
  return i;
}

/** Takes letters, digits and points, and a sign after an exponent's letter. */
function endOfNumber(text: string, i: number): number {
  const hex = /[xX]/.test(text.slice(i - 1, i + 2));
  for (; ; i++) {
    const code = text.charCodeAt(i);
    const kind = CLASS[code] ?? 0;
    if (kind === LETTER || kind === DIGIT || code === DOT) continue;
    const before = text[i - 1] ?? "";
    const signed = (code === PLUS || code === MINUS) && (hex ? "pP" : "eE").includes(before);
    if (!signed || before === "") return i;
  }
}

/** The offset after the closing quote, or -1 if the line ends first. */
function endOfString(text: string, i: number): number {
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    if (code === NEWLINE) return -1;
    if (code === BACKSLASH && text.charCodeAt(i + 1) !== NEWLINE) i += 1;
  }
  return -1;
}

function describeCharacter(point: number): string {
  const code = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return point > 32 && point < 127 ? `\`${String.fromCodePoint(point)}\`` : `character ${code}`;
}
