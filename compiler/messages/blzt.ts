/** E0770 to E0787: checkpoints of AutoANE and its relatives (BLZT), llama2.c, LoRA sidecars. */
import { count, grouped } from "./files.ts";
import { listOf, message } from "./message.ts";

// BLZT.

export const notBlzt = message(
  "E0770",
  {
    summary: "a file is no BLZT checkpoint",
    explain:
      "Checkpoints of AutoANE, maderix/ANE, autoresearch-ANE and Orion begin with the bytes `TZLB`, the " +
      "number 0x424C5A54, and a header of 96 bytes (Orion: 88). This file does not, or is shorter.",
  },
  (path: string, found: string) => ({
    title: `\`${path}\` is not a BLZT checkpoint: ${found}`,
    help: [{ text: "look whether it is the right file, and whether it was copied whole" }],
  }),
);

export const blztVersion = message(
  "E0771",
  {
    summary: "a BLZT checkpoint is of a version that is not known",
    explain:
      "Version 4 is written by AutoANE, by the dynamic trainer of maderix/ANE and by ncdrone; version 2 by the older " +
      "trainers of maderix/ANE, by fiale-plus and by Orion. Other versions are not known.",
  },
  (path: string, version: number) => ({
    title: `the BLZT checkpoint \`${path}\` is of version ${version}; versions 2 and 4 are read`,
  }),
);

export const blztField = message(
  "E0772",
  {
    summary: "a field in the header of a BLZT checkpoint makes no sense",
    explain:
      "The header holds the sizes of the model and where its training stood. One of its numbers is out of range or " +
      "contradicts another one, so the file is damaged, or is of another program.",
  },
  (path: string, field: string, value: number, needs: string) => ({
    title: `the header of \`${path}\` says ${field} ${value}; it must be ${needs}`,
  }),
);

export const blztSize = message(
  "E0773",
  {
    summary: "a BLZT checkpoint does not have the size that its header says",
    explain:
      "The sizes in the header say how long the file is, to the byte: weights, and two moments of Adam for each. A " +
      "shorter file was cut off; a longer one belongs to another model. Nothing was read.",
  },
  (path: string, bytes: number, needed: readonly number[], model: string) => ({
    title: `\`${path}\` has ${count(bytes, "byte")}, but its header needs ${listOf(needed.map(grouped)).replace(" and ", " or ")}`,
    why: `The header says ${model}.`,
    help: [
      { text: "copy the file again; a run that was stopped while it saved leaves such a file" },
    ],
  }),
);

export const blztOrigin = message(
  "E0774",
  {
    summary: "it cannot be told which program wrote a BLZT checkpoint",
    explain:
      "Version 2 was written by several programs. Most files can be told apart by their size and fields; in this one " +
      "they agree with more than one program, and those compute different things with the same weights. Say which it was.",
  },
  (path: string, possible: readonly string[], flag: string) => ({
    title: `\`${path}\` may be of ${listOf(possible).replace(" and ", " or ")}`,
    why: "Both write version 2 in the same layout. fiale-plus has no rotary embedding, maderix has one.",
    help: [{ text: `say which it is: \`${flag} maderix\` or \`${flag} fiale\`` }],
  }),
);

export const blztNoRotary = message(
  "E0775",
  {
    summary: "a checkpoint of a model without rotary embedding",
    explain:
      "fiale-plus/autoresearch-ane trains without any encoding of positions. The models of `anec` rotate queries and " +
      "keys, and its weights would compute something else in them. `d768_l6_s512` is that model without positions: it can " +
      "be trained here, but its weights come from no other format and go to none.",
  },
  (path: string) => ({
    title: `\`${path}\` is of fiale-plus/autoresearch-ane, whose model has no rotary embedding`,
    why: "Its weights cannot be used in a model that rotates queries and keys.",
    help: [{ text: "train that model anew: `anec train --model d768_l6_s512`" }],
  }),
);

export const blztCannotHold = message(
  "E0776",
  {
    summary: "a BLZT checkpoint cannot hold this model",
    explain:
      "BLZT holds Llamas whose classifier is the embedding: no biases, no norms of queries and keys, no classifier of " +
      "its own. Nothing is left out in silence; write another format.",
  },
  (path: string, model: string, what: string) => ({
    title: `\`${path}\` cannot be written as BLZT: ${model} has ${what}`,
    help: [{ text: "write safetensors (`--to hf`), GGUF or a checkpoint of anec" }],
  }),
);

export const blztSidecarDamaged = message(
  "E0777",
  {
    summary: "the JSON file beside a checkpoint cannot be read",
    explain:
      "Beside a BLZT checkpoint `NAME.bin` stands `NAME.bin.json` with what its header cannot hold: rotary base, epsilon " +
      "of the norms, residual scale, name, tokenizer. Without that file, defaults are taken and named.",
  },
  (path: string, what: string) => ({
    title: `\`${path}\` is damaged: ${what}`,
    help: [{ text: "remove it to go on with defaults, or write the checkpoint again" }],
  }),
);

export const blztSidecarStale = message(
  "E0778",
  {
    summary: "the JSON file beside a checkpoint belongs to another file",
    explain:
      "The JSON file holds the digest of the checkpoint it was written for, and the checkpoint has changed since: " +
      "another program wrote it anew, or a part of it is damaged. What the JSON says may be wrong now.",
  },
  (path: string, sidecar: string) => ({
    title: `\`${sidecar}\` was not written for the \`${path}\` that is there now`,
    why: "The digest of the checkpoint is another one.",
    help: [
      {
        text: `if another program has trained on, remove \`${sidecar}\`; else copy the checkpoint again`,
      },
    ],
  }),
);

export const blztAssumed = message(
  "E0779",
  {
    summary: "what the header of a checkpoint does not say was assumed",
    explain:
      "A BLZT header holds neither the rotary base nor the factor of the residual stream. Known models have theirs; of " +
      "others the base is 10000. The factor is 1 in a file that was converted and never trained, that of a known model, or " +
      "1/sqrt(2·layers) where a run from random weights wrote the file. A JSON file beside the checkpoint says it for sure.",
  },
  (path: string, assumed: readonly string[]) => ({
    severity: "warning",
    title: `\`${path}\` has no JSON file beside it: assuming ${listOf(assumed)}`,
  }),
);

// llama2.c.

export const notLlama2c = message(
  "E0780",
  {
    summary: "a file is no checkpoint of llama2.c",
    explain:
      "A checkpoint of llama2.c begins with seven whole numbers (width, hidden width, layers, heads, key heads, " +
      "vocabulary, longest sequence), or with the magic number `ak42` and a version. This file's make no sense.",
  },
  (path: string, what: string) => ({
    title: `\`${path}\` is not a checkpoint of llama2.c: ${what}`,
  }),
);

export const llama2cVersion = message(
  "E0781",
  {
    summary: "a checkpoint of llama2.c is of a version that is not read",
    explain:
      "Read are the first format, without a version, and version 1, both fp32. Version 2 holds weights of 8 bits, which " +
      "would not give the weights that were trained: export the model again with `--version 1`.",
  },
  (path: string, version: number) => ({
    title: `\`${path}\` is of version ${version} of llama2.c's format${version === 2 ? ", weights of 8 bits" : ""}`,
    help: [{ text: "export it with `python export.py out.bin --version 1 --checkpoint …`" }],
  }),
);

export const llama2cSize = message(
  "E0782",
  {
    summary: "a checkpoint of llama2.c does not have the size that its header says",
    explain:
      "The header says how long the file is, to the byte. It was cut off, or is not what it seems.",
  },
  (path: string, bytes: number, needed: readonly number[]) => ({
    title: `\`${path}\` has ${count(bytes, "byte")}, but its header needs ${listOf(needed.map(grouped)).replace(" and ", " or ")}`,
  }),
);

export const llama2cRotary = message(
  "E0783",
  {
    summary: "the rotary table in a checkpoint of llama2.c has another base",
    explain:
      "The first format of llama2.c ends with tables of the rotary embedding. They do not fit the base 10000 that " +
      "llama2.c itself uses, nor the one that was given.",
  },
  (path: string, theta: number, position: number, pair: number, found: number) => ({
    title: `the rotary table of \`${path}\` is not of base ${theta}`,
    why: `At position ${position}, pair ${pair}, it holds the cosine ${found}.`,
    help: [{ text: "give the base that the model was trained with" }],
  }),
);

// LoRA sidecars.

export const notLora = message(
  "E0784",
  {
    summary: "a file is no LoRA sidecar, or not of this model",
    explain:
      "A LoRA sidecar of AutoANE begins with the number 0x4C4F5241, the rank, the layers and the updates; the size of the file " +
      "follows from them and from the sizes of the model.",
  },
  (path: string, what: string) => ({
    title: `the LoRA sidecar \`${path}\` cannot be read: ${what}`,
  }),
);

export const loraStale = message(
  "E0785",
  {
    summary: "a LoRA sidecar belongs to another checkpoint",
    explain:
      "Adapters mean something only with the weights they were trained on. The JSON file beside them holds the digests of " +
      "both, and one of them has changed since. Used all the same, the adapters would corrupt the weights.",
  },
  (path: string, changed: string) => ({
    title: `the LoRA sidecar \`${path}\` is stale: \`${changed}\` is not what it was written for`,
    help: [{ text: "give the checkpoint that the adapters were trained on" }],
  }),
);

export const loraUnbound = message(
  "E0786",
  {
    summary: "a LoRA sidecar does not say which checkpoint it belongs to",
    explain:
      "AutoANE's sidecars do not name their checkpoint, and one that lies around from an earlier run fits every model of " +
      "the same sizes. Ours have a JSON file beside them that names it by its digest.",
  },
  (path: string) => ({
    title: `the LoRA sidecar \`${path}\` does not say which checkpoint it belongs to`,
    help: [{ text: "if you know that they belong together, say so with `--unbound`" }],
  }),
);

export const loraCannotHold = message(
  "E0787",
  {
    summary: "a LoRA sidecar of AutoANE cannot hold these adapters",
    explain:
      "The format holds one rank and adapters of the four attention matrices of every layer, no others and no fewer.",
  },
  (path: string, what: string) => ({
    title: `\`${path}\` cannot be written as a LoRA sidecar of AutoANE: ${what}`,
    why: "It holds adapters of the queries, keys, values and outputs of the attention of every layer, and no others.",
  }),
);
