/**
 * What the characters of a vocabulary stand for.
 *
 *   bytes        each of the 256 bytes has a character: itself where it is printable, else U+0100 and up
 *   characters   characters are themselves, `▁` is a blank, `<0x0A>` is a byte
 */
import {
  at,
  flagAt,
  isNothing,
  itemsAt,
  type Place,
  textAt,
  unsupported,
} from "./tokenizer_parse.ts";

export interface Alphabet {
  /** A piece of text as the vocabulary spells it. */
  readonly spell: (piece: string) => string;
  /** The bytes of a token. */
  readonly bytesOf: (token: string) => Uint8Array;
  /** A decoded text without the blank that encoding put before it. */
  readonly trim: (text: string) => string;
}

const utf8 = new TextEncoder();

/** GPT-2's characters for bytes, by byte. */
export const byteCharacters: readonly string[] = (() => {
  const isPrintable = (b: number): boolean =>
    (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : next++));
})();

const BYTE_OF: ReadonlyMap<string, number> = new Map(byteCharacters.map((c, b) => [c, b]));

/** By the decoder, and where there is none by the pre-tokenizer. Throws E0830, E0831. */
export function readAlphabet(decoder: Place, preTokenizer: Place): Alphabet {
  const steps = stepsOf(decoder, "decoders");
  const types = steps.map((step) => textAt(at(step, "type")));
  const before = stepsOf(preTokenizer, "pretokenizers").map((step) => textAt(at(step, "type")));
  const spellsBytes = before.includes("ByteLevel");
  if (types.includes("ByteLevel") || (types.length === 0 && spellsBytes)) {
    return spellsBytes ? bytes : unsupported(decoder, "bytes that no pre-tokenizer has made");
  }
  if (spellsBytes) return unsupported(decoder, "another one than ByteLevel for a ByteLevel text");
  return characters(steps, types);
}

/** A step, or those of a sequence; none for null. */
function stepsOf(place: Place, list: string): Place[] {
  if (isNothing(place)) return [];
  if (textAt(at(place, "type")) !== "Sequence") return [place];
  return itemsAt(at(place, list)).flatMap((step) => stepsOf(step, list));
}

const bytes: Alphabet = {
  spell: (piece) => Array.from(utf8.encode(piece), (byte) => byteCharacters[byte]!).join(""),
  bytesOf(token) {
    const known = Array.from(token, (c) => BYTE_OF.get(c));
    const isSpelled = known.every((byte) => byte !== undefined);
    return isSpelled ? Uint8Array.from(known as number[]) : utf8.encode(token);
  },
  trim: (text) => text,
};

function characters(steps: readonly Place[], types: readonly string[]): Alphabet {
  const replacements: [from: string, to: string][] = [];
  let trims = false;
  for (const [i, step] of steps.entries()) {
    switch (types[i]) {
      case "Replace": {
        const pattern = at(at(step, "pattern"), "String");
        replacements.push([textAt(pattern), textAt(at(step, "content"))]);
        break;
      }
      case "Metaspace": {
        const scheme = at(step, "prepend_scheme");
        replacements.push([textAt(at(step, "replacement")), " "]);
        trims = isNothing(scheme)
          ? flagAt(at(step, "add_prefix_space"), true)
          : textAt(scheme) !== "never";
        break;
      }
      case "Strip": {
        const [from, to] = [at(step, "start"), at(step, "stop")];
        const isOurs = at(step, "content").value === " " && to.value === 0;
        if (!isOurs || (from.value !== 0 && from.value !== 1)) {
          unsupported(step, "stripping other than of one blank at the start");
        }
        trims = from.value === 1;
        break;
      }
      case "ByteFallback":
      case "Fuse":
        break;
      default:
        unsupported(step, `the decoder ${types[i]}`);
    }
  }
  const readsBytes = types.includes("ByteFallback");
  return {
    spell: (piece) => piece,
    bytesOf(token) {
      const byte = readsBytes ? /^<0x([0-9A-F]{2})>$/.exec(token)?.[1] : undefined;
      if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
      return utf8.encode(replacements.reduce((text, [a, b]) => text.replaceAll(a, b), token));
    },
    trim: (text) => (trims && text.startsWith(" ") ? text.slice(1) : text),
  };
}
