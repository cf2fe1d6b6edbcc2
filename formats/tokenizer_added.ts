/** Added tokens of tokenizer.json: texts that are one id each, found before anything else is done. */
import { MAX_IDS } from "./bpe.ts";
import {
  at,
  damaged,
  flagAt,
  isNothing,
  itemsAt,
  type Place,
  textAt,
  wholeAt,
} from "./tokenizer_parse.ts";
import { escapeRegex } from "./tokenizer_regex.ts";
import type { Normalizer } from "./tokenizer_steps.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly isSpecial: boolean;
  /** Looked for after the normalizer. */
  readonly isNormalized: boolean;
  /** Takes blanks on its left, on its right; stands between what are no letters. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
  readonly isWord: boolean;
}

/** Throws E0830. */
export function readAddedTokens(place: Place, vocab: ReadonlyMap<string, number>): AddedToken[] {
  if (isNothing(place)) return [];
  const ids = new Set<number>();
  const inVocab = new Map([...vocab].map(([token, id]) => [id, token]));
  return itemsAt(place).map((item) => {
    const id = wholeAt(at(item, "id"), MAX_IDS);
    const content = textAt(at(item, "content"));
    if (content === "") damaged(at(item, "content"), "it is empty");
    if (ids.has(id)) damaged(at(item, "id"), `the id ${id} is added twice`);
    const other = inVocab.get(id);
    if (other !== undefined && other !== content) {
      damaged(at(item, "id"), `the id ${id} is that of \`${other}\``);
    }
    ids.add(id);
    const isSpecial = flagAt(at(item, "special"), false);
    return {
      ...{ id, content, isSpecial },
      isNormalized: flagAt(at(item, "normalized"), !isSpecial),
      stripsLeft: flagAt(at(item, "lstrip"), false),
      stripsRight: flagAt(at(item, "rstrip"), false),
      isWord: flagAt(at(item, "single_word"), false),
    };
  });
}

/** A token, or a text between tokens that is normalized; `isFirst`: it begins where the whole text does. */
export type AddedPart =
  | { readonly id: number }
  | { readonly text: string; readonly isFirst: boolean };

export type AddedSplitter = (text: string) => AddedPart[];

/** Cuts texts at these tokens: at the raw ones first, then, normalized, at the others. */
export function addedSplitter(tokens: readonly AddedToken[], normalize: Normalizer): AddedSplitter {
  const raw = splitter(tokens.filter((token) => !token.isNormalized));
  const late = splitter(
    tokens
      .filter((token) => token.isNormalized)
      .map((token) => ({ ...token, content: normalize(token.content) })),
  );
  return (text) =>
    raw({ text, isFirst: true }).flatMap((part) =>
      "id" in part ? [part] : late({ ...part, text: normalize(part.text) }),
    );
}

interface Span {
  readonly text: string;
  readonly isFirst: boolean;
}

/** Of tokens that begin at one place the longest is taken. */
function splitter(tokens: readonly AddedToken[]): (span: Span) => AddedPart[] {
  const byContent = new Map(tokens.filter((t) => t.content !== "").map((t) => [t.content, t]));
  if (byContent.size === 0) return (span) => (span.text === "" ? [] : [span]);
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const finder = new RegExp(contents.map(escapeRegex).join("|"), "gu");
  return ({ text, isFirst }) => {
    const parts: AddedPart[] = [];
    let from = 0;
    const push = (to: number): void => {
      if (to > from) parts.push({ text: text.slice(from, to), isFirst: isFirst && from === 0 });
    };
    for (const match of text.matchAll(finder)) {
      const token = byContent.get(match[0])!;
      let [start, end] = [match.index, match.index + match[0].length];
      if (start < from || (token.isWord && !standsAlone(text, start, end))) continue;
      if (token.stripsLeft) start -= /\s*$/u.exec(text.slice(from, start))![0].length;
      if (token.stripsRight) end += /^\s*/u.exec(text.slice(end))![0].length;
      push(start);
      parts.push({ id: token.id });
      from = end;
    }
    push(text.length);
    return parts;
  };
}

function standsAlone(text: string, start: number, end: number): boolean {
  const isLetter = (c: string | undefined): boolean => c !== undefined && /[\p{L}\p{N}_]/u.test(c);
  return !isLetter(text[start - 1]) && !isLetter(text[end]);
}
