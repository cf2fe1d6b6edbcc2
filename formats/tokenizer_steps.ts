/**
 * What tokenizer.json does to a text before byte-pair encoding: normalizers change it, pre-tokenizers cut it
 * into pieces that no token crosses.
 */
import {
  at,
  damaged,
  flagAt,
  isNothing,
  itemsAt,
  objectAt,
  type Place,
  textAt,
  unsupported,
} from "./tokenizer_parse.ts";
import { escapeRegex, translateRegex } from "./tokenizer_regex.ts";

export type Normalizer = (text: string) => string;

/** A part of a text; `isFirst`: it begins where the text does. */
export interface Piece {
  readonly text: string;
  readonly isFirst: boolean;
}

export type PreTokenizer = (piece: Piece) => Piece[];

/** The normalizer at a place; null does nothing. Throws E0830, E0831. */
export function readNormalizer(place: Place): Normalizer {
  if (isNothing(place)) return (text) => text;
  objectAt(place);
  const type = textAt(at(place, "type"));
  switch (type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => text.normalize(type);
    case "Lowercase":
      return (text) => text.toLowerCase();
    case "Prepend": {
      const prefix = textAt(at(place, "prepend"));
      return (text) => (text === "" ? "" : prefix + text);
    }
    case "Replace": {
      const pattern = readPattern(at(place, "pattern"));
      const content = textAt(at(place, "content"));
      return (text) => text.replace(pattern, () => content);
    }
    case "Sequence": {
      const steps = itemsAt(at(place, "normalizers")).map(readNormalizer);
      return (text) => steps.reduce((result, step) => step(result), text);
    }
    default:
      return unsupported(place, `the normalizer ${type}`);
  }
}

/** `{"Regex": …}` or `{"String": …}`. */
function readPattern(place: Place): RegExp {
  const [regex, string] = [at(place, "Regex"), at(place, "String")];
  if (!isNothing(string)) {
    return new RegExp(escapeRegex(textAt(string)), "gu");
  }
  const found = translateRegex(textAt(regex));
  return "fault" in found
    ? unsupported(regex, `a regular expression that differs: ${found.fault}`)
    : found;
}

const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The pre-tokenizer at a place. Throws E0830, E0831. */
export function readPreTokenizer(place: Place): PreTokenizer {
  if (isNothing(place)) return (piece) => [piece];
  objectAt(place);
  const type = textAt(at(place, "type"));
  switch (type) {
    case "ByteLevel": {
      const prefixes = flagAt(at(place, "add_prefix_space"), true);
      const splits = flagAt(at(place, "use_regex"), true);
      return ({ text, isFirst }) => {
        const prefixed = prefixes && !text.startsWith(" ") ? ` ${text}` : text;
        const piece = { text: prefixed, isFirst };
        return splits ? isolated(piece, GPT2) : [piece];
      };
    }
    case "Digits": {
      const single = flagAt(at(place, "individual_digits"), false);
      const pattern = single ? /\p{N}/gu : /\p{N}+/gu;
      return (piece) => isolated(piece, pattern);
    }
    case "Split":
      return readSplit(place);
    case "Metaspace":
      return readMetaspace(place);
    case "Sequence": {
      const steps = itemsAt(at(place, "pretokenizers")).map(readPreTokenizer);
      return (piece) => steps.reduce((pieces, step) => pieces.flatMap(step), [piece]);
    }
    default:
      return unsupported(place, `the pre-tokenizer ${type}`);
  }
}

interface Part extends Piece {
  readonly isMatch: boolean;
}

/** Matches and what is between them, none of them empty. */
function partsOf({ text, isFirst }: Piece, pattern: RegExp): Part[] {
  const parts: Part[] = [];
  let from = 0;
  const push = (to: number, isMatch: boolean): void => {
    if (to > from)
      parts.push({ text: text.slice(from, to), isFirst: isFirst && from === 0, isMatch });
    from = to;
  };
  for (const match of text.matchAll(pattern)) {
    push(match.index, false);
    push(match.index + match[0].length, true);
  }
  push(text.length, false);
  return parts;
}

function isolated(piece: Piece, pattern: RegExp): Piece[] {
  return partsOf(piece, pattern);
}

const BEHAVIORS: readonly string[] = [
  ...["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"],
];

function readSplit(place: Place): PreTokenizer {
  const pattern = readPattern(at(place, "pattern"));
  const behavior = textAt(at(place, "behavior"));
  const invert = flagAt(at(place, "invert"), false);
  if (!BEHAVIORS.includes(behavior)) return damaged(at(place, "behavior"), `it is \`${behavior}\``);
  return (piece) => {
    const parts = partsOf(piece, pattern).map((p) => ({ ...p, isMatch: p.isMatch !== invert }));
    return joined(parts, behavior);
  };
}

/** Parts joined, or left out, as a behaviour of `Split` has it. */
function joined(parts: readonly Part[], behavior: string): Piece[] {
  switch (behavior) {
    case "Removed":
      return parts.filter((p) => !p.isMatch);
    case "MergedWithPrevious":
      return grouped(parts, (before, part) => part.isMatch && !before.isMatch);
    case "MergedWithNext":
      return grouped(parts, (before, part) => before.isMatch && !part.isMatch);
    case "Contiguous":
      return grouped(parts, (before, part) => before.isMatch === part.isMatch);
    default:
      return [...parts];
  }
}

function grouped(parts: readonly Part[], belongs: (before: Part, part: Part) => boolean): Piece[] {
  const groups: { text: string; isFirst: boolean }[] = [];
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    const last = groups.at(-1);
    if (before !== undefined && last !== undefined && belongs(before, part)) last.text += part.text;
    else groups.push({ text: part.text, isFirst: part.isFirst });
  }
  return groups;
}

function readMetaspace(place: Place): PreTokenizer {
  const mark = textAt(at(place, "replacement"));
  if ([...mark].length !== 1) return damaged(at(place, "replacement"), "it is not one character");
  const scheme = at(place, "prepend_scheme");
  const old = flagAt(at(place, "add_prefix_space"), true) ? "always" : "never";
  const prepend = isNothing(scheme) ? old : textAt(scheme);
  if (!["always", "never", "first"].includes(prepend))
    return damaged(scheme, `it is \`${prepend}\``);
  const splits = flagAt(at(place, "split"), true);
  return ({ text, isFirst }) => {
    const marked = text.replaceAll(" ", mark);
    const wants = prepend === "always" || (prepend === "first" && isFirst);
    const piece = { text: wants && !marked.startsWith(mark) ? mark + marked : marked, isFirst };
    if (!splits) return [piece];
    const parts = partsOf(piece, new RegExp(escapeRegex(mark), "gu"));
    return joined(parts, "MergedWithNext");
  };
}
