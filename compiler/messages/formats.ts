/** E0740 to E0749, E0753 to E0759, E0830 to E0834: models in the formats of other programs, and tokenizers in files. */
import { grouped } from "./files.ts";
import { didYouMean, listOf, message } from "./message.ts";

const quoted = (names: readonly string[], most = 8): string =>
  listOf([
    ...names.slice(0, most).map((n) => `\`${n}\``),
    ...(names.length > most ? [`${names.length - most} more`] : []),
  ]);

export const unknownFormat = message(
  "E0740",
  {
    summary: "a file is of no format that can be read as a model",
    explain:
      "The format of a model is recognised by its contents, never by its name: the first bytes of a file, or the " +
      "names in a folder. A Hugging Face model is the folder that holds `config.json`, not one of its files.",
  },
  (path: string, folder: readonly string[] | null, formats: readonly string[]) => ({
    title: `\`${path}\` is no model in a format that anec reads`,
    ...(folder === null
      ? {}
      : {
          why:
            folder.length === 0
              ? "The folder is empty."
              : `The folder holds ${quoted(folder)}, but no \`config.json\`.`,
        }),
    notes: formats.map((f, i) => [i === 0 ? "formats" : "", f] as const),
    help:
      folder === null && path.endsWith(".safetensors")
        ? [{ text: "give the folder of the file, with its `config.json`" }]
        : [],
  }),
);

export const unknownOutputFormat = message(
  "E0741",
  {
    summary: "the name of an output does not say its format",
    explain:
      "`anec convert` takes the format to write from the name of the output: `.ckpt`, `.bin`, `.gguf`, or a folder " +
      "(a name without an extension) for Hugging Face. `--to` says it where the name does not.",
  },
  (path: string, extension: string, names: readonly string[]) => ({
    title:
      extension === ""
        ? `no format is written as a folder: \`${path}\``
        : `no format is written to files ending in \`${extension}\``,
    help: [{ text: `say which with \`--to\`: ${listOf([...names])}` }],
  }),
);

export const modelFileMissing = message(
  "E0742",
  {
    summary: "a folder lacks a file that a model needs",
    explain:
      "A Hugging Face model is a folder with `config.json`, and either `model.safetensors` or the parts that " +
      "`model.safetensors.index.json` lists. Weights in PyTorch's own files (`pytorch_model.bin`) are programs " +
      "as much as data and are not read; save the model with `safe_serialization=True`.",
  },
  (folder: string, file: string, found: readonly string[]) => ({
    title: `the model in \`${folder}\` has no \`${file}\``,
    ...(found.length === 0 ? {} : { why: `It holds ${quoted(found)}.` }),
    help: found.some((n) => n.endsWith(".bin"))
      ? [{ text: "save the model as safetensors first" }]
      : didYouMean(file, found),
  }),
);

export const configDamaged = message(
  "E0743",
  {
    summary: "a value in a configuration of a model makes no sense",
    explain:
      "The file is not JSON, or a key of it is missing, of the wrong kind, or out of range: a width of 0, heads that " +
      "do not divide. The message says where.",
  },
  (path: string, what: string) => ({ title: `\`${path}\` is damaged: ${what}` }),
);

export const configUnsupported = message(
  "E0744",
  {
    summary: "a model needs something that anec does not have",
    explain:
      "The configuration asks for arithmetic that would change every result if it were left out: scaled rotary " +
      "angles, a sliding window, another activation, biases, experts. Nothing of a model is dropped in silence, so " +
      "it is refused. A key that anec does not know counts as such; delete it from a copy of the file if it does not " +
      "change the arithmetic.",
  },
  (path: string, key: string, value: string, why: string) => ({
    title: `the model of \`${path}\` needs \`${key}\`: ${value}`,
    why,
  }),
);

export const unexpectedWeight = message(
  "E0745",
  {
    summary: "a file holds a tensor that its model does not have",
    explain:
      "A tensor that is not used is a model that is not computed as it was meant: a bias, an adapter, a head of its " +
      "own. Nothing is dropped in silence.",
  },
  (path: string, tensor: string, why: string, known: readonly string[]) => ({
    title: `\`${path}\` holds the tensor \`${tensor}\`, which the model does not have`,
    why,
    help: didYouMean(tensor, known),
  }),
);

export const missingWeight = message(
  "E0746",
  {
    summary: "a file lacks a tensor of its model",
    explain: "The configuration says that there is a tensor of this name, and there is none.",
  },
  (path: string, tensor: string, missing: number) => ({
    title: `\`${path}\` has no tensor \`${tensor}\``,
    ...(missing > 1 ? { why: `${grouped(missing)} tensors of the model are missing in all.` } : {}),
  }),
);

export const wrongWeight = message(
  "E0747",
  {
    summary: "a tensor of a model has the wrong shape or type",
    explain:
      "The shape of a tensor is not what the configuration of the model makes it, or its type is none for weights " +
      "(F32, F16, BF16).",
  },
  (path: string, tensor: string, found: string, expected: string) => ({
    title: `tensor \`${tensor}\` of \`${path}\` is ${found}; the model needs ${expected}`,
  }),
);

export const shardIndexDamaged = message(
  "E0748",
  {
    summary: "the list of a model's parts is damaged",
    explain:
      "`model.safetensors.index.json` says which part each tensor is in. Parts are files in the same folder: a name " +
      "with a slash could lead anywhere on the disk and is refused.",
  },
  (path: string, what: string) => ({ title: `\`${path}\` is damaged: ${what}` }),
);

export const outputExists = message(
  "E0749",
  {
    summary: "a file or folder to write a model to is already there",
    explain:
      "`anec convert` writes a new file or folder. One that is there is replaced as a whole, a folder with all that " +
      "is in it, so it must be asked for.",
  },
  (path: string) => ({
    title: `\`${path}\` is already there`,
    help: [{ text: "give another name, or `--force` to replace it" }],
  }),
);

export const notOfAFamily = message(
  "E0753",
  {
    summary: "a model has no counterpart among the architectures of other programs",
    explain:
      "Other formats hold models by their numbers alone: width, layers, heads. They can hold a checkpoint whose " +
      "equations are exactly those of Llama, Qwen2 or Qwen3, as the library layers `block`, `block_qkv_bias` and " +
      "`block_qk_norm` write them. Equations are compared, not names of layers.",
  },
  (path: string, what: string) => ({
    title: `the model of \`${path}\` is none that other formats can hold`,
    why: what,
  }),
);

export const compactedVocabulary = message(
  "E0754",
  {
    summary: "a checkpoint has rows for the ids of its data only",
    explain:
      "Training left out the rows of ids that do not occur in the data. Where the tokenizer is one that can be cut to " +
      "the ids that are left (`gpt2`, `bytes`, `stories`), Hugging Face and GGUF hold the model with that; else other " +
      "formats need a row for every id. `--expand` writes zeros for the others: the model gives them the logit 0, as " +
      "it never learnt anything of them.",
  },
  (path: string, rows: number, full: number) => ({
    title: `the checkpoint \`${path}\` has ${grouped(rows)} rows for ${grouped(full)} ids`,
    help: [{ text: "give `--expand` to write zeros for the ids that training never saw" }],
  }),
);

export const expandedVocabulary = message(
  "E0755",
  {
    summary: "rows of ids that training never saw are zero",
    explain:
      "With `--expand` a checkpoint of a compacted vocabulary gets a row for every id. The spare row, which stood " +
      "for all ids that training never saw, is left out.",
  },
  (rows: number, full: number) => ({
    severity: "warning",
    title: `${grouped(full - rows)} of ${grouped(full)} rows of the embedding are zero`,
    why: "Training never saw their ids. Their logits are 0, so a text may come to hold them.",
  }),
);

export const vocabularyCut = message(
  "E0834",
  {
    summary: "a model is written with the ids that training saw",
    explain:
      "Training left out the rows of ids that do not occur in the data. The model is written with those that are left, " +
      "and its tokenizer is cut to them: a text in which training saw every token has the same tokens, another one is " +
      "spelled in smaller pieces, down to bytes. The ids are other numbers than before. Ids that are kept to spell with " +
      "have the row that stood for all that training never saw. `--expand` keeps all ids instead, with zeros.",
  },
  (ids: number, seen: number, full: number) => ({
    severity: "warning",
    title: `the tokenizer is cut to ${grouped(ids)} of ${grouped(full)} ids`,
    why: `Training saw ${grouped(seen)} of them; the others are there to spell with. Ids are numbered anew.`,
    help: [{ text: "`--expand` keeps every id, with zeros for those that training never saw" }],
  }),
);

export const residualScaleFolded = message(
  "E0756",
  {
    summary: "the residual scale of a model went into its weights",
    explain:
      "Models that anec trains multiply what each half of a block adds to the residual stream by a factor. Formats of " +
      "other programs have none, so `o_proj` and `down_proj` were multiplied by it: the function is the same, and " +
      "reading the file back gives a residual scale of 1.",
  },
  (scale: number, format: string) => ({
    severity: "warning",
    title: `the residual scale ${Number(scale.toPrecision(6))} is folded into \`o_proj\` and \`down_proj\``,
    why: `The format ${format} cannot say it. The function of the model is the same.`,
  }),
);

export const leftOut = message(
  "E0757",
  {
    summary: "a format cannot hold everything",
    explain:
      "What is beside the weights, such as the state of the optimizer, is not part of the format that is written. " +
      "Keep the original to go on training.",
  },
  (format: string, what: readonly string[]) => ({
    severity: "warning",
    title: `the format ${format} does not hold ${listOf(what)}`,
    help: [{ text: "keep the original if you need it" }],
  }),
);

export const dtypeNotWritten = message(
  "E0758",
  {
    summary: "a format has no numbers of the type that is asked for",
    explain: "Each format has its own types of numbers; `anec convert --help` lists them.",
  },
  (format: string, dtype: string, has: readonly string[]) => ({
    title: `the format ${format} is not written in \`${dtype}\``,
    help: [{ text: `it has ${listOf(has.map((d) => `\`${d}\``))}` }],
  }),
);

export const precisionLost = message(
  "E0759",
  {
    summary: "weights were rounded",
    explain:
      "The type that was asked for has fewer digits, or a smaller range, than the weights have. Values beyond the " +
      "range of F16 would become infinite and are an error instead.",
  },
  (tensor: string, dtype: string, value: number) => ({
    title: `\`${tensor}\` holds ${Number(value.toPrecision(6))}, which \`${dtype}\` cannot hold`,
    help: [{ text: "write it as f32 or bf16" }],
  }),
);

export const dataOfAnotherTokenizer = message(
  "E0832",
  {
    summary: "data and model have different tokenizers",
    explain:
      "Ids mean something only together with the tokenizer that made them. The token file names another one than " +
      "the model, so a loss on it would say nothing.",
  },
  (path: string, ofData: string, ofModel: string) => ({
    title: `\`${path}\` was made with the tokenizer \`${ofData}\`, the model with \`${ofModel}\``,
    help: [{ text: "give the text itself: it is read with the tokenizer of the model" }],
  }),
);

// Tokenizers.

export const tokenizerLeftOut = message(
  "E0833",
  {
    summary: "a checkpoint is read without its tokenizer",
    explain:
      "A checkpoint of `anec train` names its tokenizer. `gpt2`, `bytes` and `stories` are written into other formats " +
      "as `tokenizer.json`; a `tokenizer.json` that the data was made with is not part of the checkpoint.",
  },
  (path: string, tokenizer: string) => ({
    severity: "warning",
    title: `\`${path}\` is read without its tokenizer \`${tokenizer}\``,
    why: "It has no form as `tokenizer.json` that could go along.",
    help: [{ text: "give it by `--tokenizer` where text is read or written" }],
  }),
);

export const tokenizerDamaged = message(
  "E0830",
  {
    summary: "a tokenizer.json is damaged",
    explain:
      "The file is not JSON, or something in it is missing or of the wrong kind. The message says where, as a path " +
      "of keys: `model.merges[17]`.",
  },
  (path: string, place: string, what: string) => ({
    title: `the tokenizer \`${path}\` is damaged${place === "" ? "" : ` at \`${place}\``}: ${what}`,
  }),
);

export const tokenizerUnsupported = message(
  "E0831",
  {
    summary: "a tokenizer needs something that anec does not have",
    explain:
      "Tokenizers of byte-pair encoding are read, with the steps before it that GPT-2, Llama, Qwen and SmolLM2 use. " +
      "Other models and steps would give other ids, so they are refused.",
  },
  (path: string, place: string, what: string) => ({
    title: `the tokenizer \`${path}\` needs \`${place}\`: ${what}`,
  }),
);
