/**
 * Tokenizers by name: text to ids and back.
 *
 *   gpt2      byte-pair encoding of GPT-2 (r50k_base), 50,257 ids; its tables load on first use
 *   bytes     one id a byte, 256 ids
 *   stories   one id a word of the built-in stories, bytes for the rest
 *   FILE.json a tokenizer.json, as models of Hugging Face have it
 *
 * Text is text: what looks like a special token in it (`<|endoftext|>`) is encoded letter by letter.
 */
import { unknownTokenizer } from "../../compiler/messages/data.ts";
import { bug, invariant } from "../../compiler/support/bug.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { storyWords } from "./stories.ts";

export interface Tokenizer {
  readonly name: string;
  /** Number of ids; every id is below it. */
  readonly vocabulary: number;
  /** Ids of a text. Lone surrogates become U+FFFD; everything else is kept exactly. */
  encode(text: string): number[];
  /**
   * Ids of a text that somebody wrote for the model to continue: special tokens in it are themselves, and what
   * every text begins with stands before it. Absent where that is no other than `encode`.
   */
  encodePrompt?(text: string): number[];
  /** The text of ids; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string;
  /** The bytes of one id, which may be a part of a character; none for a special token. */
  decodeBytes(id: number): Uint8Array;
  /** The special token between documents. */
  readonly endOfText?: number;
  /** Special tokens that every document begins with. */
  readonly startOfText?: readonly number[];
}

export const tokenizerNames = ["gpt2", "bytes", "stories"] as const;

/** Whether a name is that of a tokenizer, or of a file that may be one. */
export function mayBeTokenizer(name: string): boolean {
  return (tokenizerNames as readonly string[]).includes(name) || name.endsWith(".json");
}

/** The tokenizer of a name, or in a file. Throws a `UserError` (E0809; of a file E0830, E0831, E0702 to E0707). */
export async function loadTokenizer(name: string): Promise<Tokenizer> {
  if (name.endsWith(".json")) {
    const { readTokenizerJson } = await import("../../formats/tokenizer_json.ts");
    return readTokenizerJson(name);
  }
  switch (name) {
    case "gpt2":
      return gpt2Tokenizer();
    case "bytes":
      return tableTokenizer("bytes", byteTable(), (text) => Array.from(utf8.encode(text)));
    case "stories":
      return storiesTokenizer();
    default:
      throw new UserError(unknownTokenizer(name, tokenizerNames));
  }
}

/** A piece longer than this is encoded in parts: merging takes time that grows with its square. */
const LONGEST_PIECE = 1024;

async function gpt2Tokenizer(): Promise<Tokenizer> {
  // The encoding module alone: the package's entry would load the tables of every model.
  const { default: encoding } = await import("gpt-tokenizer/encoding/r50k_base");
  const { default: ranks } = await import("gpt-tokenizer/bpeRanks/r50k_base");
  const table = ranks.map((piece) =>
    typeof piece === "string" ? utf8.encode(piece) : Uint8Array.from(piece),
  );
  const endOfText = table.length;
  const asPlainText = { disallowedSpecial: new Set<string>() };
  // The package can remember the ids of pieces that it had to merge. It saves little on English and
  // costs five times the time on texts full of numbers, so it is off.
  encoding.setMergeCacheSize(0);
  const encode = (text: string): number[] => {
    if (text.length <= LONGEST_PIECE) return encoding.encode(text, asPlainText);
    const ids: number[] = [];
    for (const part of withoutLongPieces(text)) {
      const encoded = encoding.encode(part, asPlainText);
      if (part === text) return encoded;
      for (const id of encoded) ids.push(id);
    }
    return ids;
  };
  return tableTokenizer("gpt2", [...table, new Uint8Array(0)], encode, endOfText);
}

/**
 * The text itself, or parts of it if a run of letters, digits, signs or blanks is very long. A run is found in pieces
 * of 2^16: of one of millions the engine of regular expressions runs out of its stack.
 */
function* withoutLongPieces(text: string): Iterable<string> {
  const long = /\p{L}{1024,65536}|\p{N}{1024,65536}|[^\s\p{L}\p{N}]{1024,65536}|\s{1024,65536}/gu;
  let from = 0;
  for (const run of text.matchAll(long)) {
    if (run.index > from) yield text.slice(from, run.index);
    const end = run.index + run[0].length;
    for (from = run.index; from < end; ) {
      const cut = Math.min(end, from + LONGEST_PIECE);
      // A character of two UTF-16 units stays whole.
      const next = cut < end && isTrailingSurrogate(text.charCodeAt(cut)) ? cut - 1 : cut;
      yield text.slice(from, next);
      from = next;
    }
  }
  if (from < text.length) yield text.slice(from);
}

function isTrailingSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Ids 0…255 are bytes, then the words of the stories, each alone and behind a blank, then the end. */
function storiesTokenizer(): Tokenizer {
  const pieces = storyWords();
  const idOf = new Map(pieces.map((piece, i) => [piece, 256 + i]));
  const table = [...byteTable(), ...pieces.map((piece) => utf8.encode(piece)), new Uint8Array(0)];
  const encode = (text: string): number[] => {
    const ids: number[] = [];
    for (const [piece] of text.matchAll(/ ?[A-Za-z]+|[^A-Za-z]/gu)) {
      const id = idOf.get(piece);
      if (id !== undefined) ids.push(id);
      else for (const byte of utf8.encode(piece)) ids.push(byte);
    }
    return ids;
  };
  return tableTokenizer("stories", table, encode, table.length - 1);
}

const utf8 = new TextEncoder();

function byteTable(): Uint8Array[] {
  return Array.from({ length: 256 }, (_, i) => Uint8Array.of(i));
}

/** A tokenizer whose id `i` stands for the bytes `table[i]`. */
function tableTokenizer(
  name: string,
  table: readonly Uint8Array[],
  encode: (text: string) => number[],
  endOfText?: number,
): Tokenizer {
  const decodeBytes = (id: number): Uint8Array =>
    table[id] ?? bug(`id ${id} is beyond the ${table.length} of tokenizer ${name}`);
  const tokenizer: Tokenizer = {
    name,
    vocabulary: table.length,
    encode,
    decodeBytes,
    decode(ids) {
      const decoder = createStreamDecoder(tokenizer);
      let text = "";
      for (const id of ids) text += decoder.push(id);
      return text + decoder.end();
    },
    ...(endOfText === undefined ? {} : { endOfText }),
  };
  return tokenizer;
}

/** Text from ids as they come. */
export interface StreamDecoder {
  /** The text that `id` completes; empty while a character is half there. */
  push(id: number): string;
  /** What is left: U+FFFD if the last character is not whole. */
  end(): string;
}

/** Decodes ids one by one and never gives half a character. */
export function createStreamDecoder(tokenizer: Pick<Tokenizer, "decodeBytes">): StreamDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    push: (id) => decoder.decode(tokenizer.decodeBytes(id), { stream: true }),
    end: () => decoder.decode(),
  };
}

/** UTF-8 bytes of every id, [vocabulary]; 0 for special tokens. */
export function byteLengths(tokenizer: Tokenizer): Uint16Array {
  const lengths = new Uint16Array(tokenizer.vocabulary);
  for (let id = 0; id < lengths.length; id++) {
    const { length } = tokenizer.decodeBytes(id);
    invariant(length < 65536, `token ${id} has ${length} bytes`);
    lengths[id] = length;
  }
  return lengths;
}
