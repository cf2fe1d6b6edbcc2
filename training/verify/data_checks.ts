/** Checks of a token file against the checkpoint. */
import { type Check, judged, type Outcome, skip } from "./check.ts";
import type { RawTokens, Subject } from "./subject.ts";

/** How many tokens at the start are looked at. */
const FIRST = 10;

/** Fewer bytes may be readable by chance. */
const SHORTEST_TEXT = 64;

/** First words of files that are no token files: BLZT, FTKB, ggml, ggmf, FILE, GGUF, zip, ak42. */
const MAGICS = new Map([
  [0x424c5a54, "a BLZT checkpoint"],
  [0x464b5442, "an FTKB file"],
  [0x67676d6c, "a ggml file"],
  [0x67676d66, "a ggmf file"],
  [0x454c4946, "a text `FILE`"],
  [0x46554747, "a GGUF file"],
  [0x04034b50, "a zip file"],
  [0x616b3432, "a checkpoint of llama2.c"],
]);

export const dataChecks: readonly Check[] = [
  {
    name: "data_first_ids",
    shows: "the first tokens are ids of the vocabulary",
    run: withData(({ tokens }, { opened }) => {
      if (opened === null) return skip("the checkpoint could not be opened");
      const { full } = opened.checkpoint.vocabulary;
      const first = [...tokens.subarray(0, FIRST)];
      return judged(
        first.length > 0 && first.every((id) => id < full),
        `${first.join(" ")} of ${full}`,
      );
    }),
  },
  {
    name: "data_no_magic",
    shows: "the file is no text, checkpoint or archive that was taken for tokens",
    run: withData(({ head }) => {
      const found = magicOf(head) ?? (isText(head) ? "a text: call it `.txt`" : undefined);
      return judged(found === undefined, found ?? "no magic number");
    }),
  },
  {
    name: "data_ids_vary",
    shows: "the first tokens are not all the same",
    run: withData(({ tokens }) => {
      const first = new Set(tokens.subarray(0, FIRST));
      return judged(first.size > 1, `${first.size} different ids in the first ${FIRST}`);
    }),
  },
  {
    name: "data_size",
    shows: "the file holds a whole number of ids",
    run: withData(({ bytes, width }) =>
      judged(bytes > 0 && bytes % width === 0, `${bytes} bytes, ${width} for an id`),
    ),
  },
  {
    name: "data_distinct",
    shows: "the data has as many different ids as it should",
    run: withData(({ tokens }, { distinct, opened }) => {
      const active = opened?.checkpoint.vocabulary.active ?? null;
      const needed = distinct ?? active?.length ?? null;
      if (needed === null) return skip("nobody said how many: give `--distinct`");
      // A compacted vocabulary is that of the training split; the whole file may have more.
      const own = distinct === null ? tokens.subarray(0, Math.trunc(tokens.length * 0.9)) : tokens;
      const found = new Set(own).size;
      return judged(found === needed, `${found}, ${needed} expected`);
    }),
  },
  {
    name: "data_largest_id",
    shows: "every token is an id of the vocabulary",
    run: withData(({ tokens }, { opened }) => {
      if (opened === null) return skip("the checkpoint could not be opened");
      const { full } = opened.checkpoint.vocabulary;
      let largest = 0;
      for (let i = 0; i < tokens.length; i++) if (tokens[i]! > largest) largest = tokens[i]!;
      return judged(largest < full, `${largest} of ${full}`);
    }),
  },
];

function magicOf(head: Uint8Array): string | undefined {
  if (head.length < 4) return undefined;
  return MAGICS.get(new DataView(head.buffer, head.byteOffset).getUint32(0, true));
}

/** Whether bytes are readable characters throughout; ids of two bytes are not, as the usual ones are small. */
function isText(head: Uint8Array): boolean {
  if (head.length < SHORTEST_TEXT) return false;
  const isControl = (byte: number): boolean =>
    byte < 32 && byte !== 9 && byte !== 10 && byte !== 13;
  if (head.some(isControl)) return false;
  try {
    // What is cut off at the end is no mistake of the text.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function withData(run: (data: RawTokens, subject: Subject) => Outcome): Check["run"] {
  return (subject) => (subject.data === null ? skip(subject.noData) : run(subject.data, subject));
}
