/** E0788 to E0799: GGUF files, of llama.cpp and what is built on it. */
import { count, grouped } from "./files.ts";
import { didYouMean, listOf, message } from "./message.ts";

export const ggufMagic = message(
  "E0788",
  {
    summary: "a file is not a GGUF file",
    explain: "A GGUF file starts with the letters `GGUF`. This one does not, or is empty.",
  },
  (name: string, bytes: number) => ({
    title: `\`${name}\` is not a GGUF file`,
    why: `It has ${count(bytes, "byte")} and does not start with \`GGUF\`.`,
    help: [{ text: "if it was downloaded, fetch it again" }],
  }),
);

export const ggufVersion = message(
  "E0789",
  {
    summary: "a GGUF file is of another version",
    explain:
      "Versions 2 and 3 are read, little endian. Version 1 was in use for a few weeks of 2023; files for big-endian " +
      "machines have the bytes of every number in the other order.",
  },
  (name: string, version: number) => {
    const isSwapped = (version & 0xffff) === 0;
    return {
      title: isSwapped
        ? `the GGUF file \`${name}\` is for big-endian machines`
        : `the GGUF file \`${name}\` is of version ${version}; versions 2 and 3 are read`,
      help: [{ text: "convert it again with a current llama.cpp" }],
    };
  },
);

export const ggufCutOff = message(
  "E0790",
  {
    summary: "a GGUF file is cut off",
    explain:
      "The file ends before its header does: a download or a copy broke off, or a number in the header is damaged.",
  },
  (name: string, what: string, at: number, bytes: number) => ({
    title: `the GGUF file \`${name}\` is cut off in ${what}`,
    why: `The file has ${count(bytes, "byte")}; this starts at byte ${grouped(at)}.`,
    help: [{ text: "fetch or copy it again" }],
  }),
);

export const ggufHeader = message(
  "E0791",
  {
    summary: "the header of a GGUF file makes no sense",
    explain:
      "The header lists values by key and tensors by name. A part of it is malformed: a number of entries that the " +
      "file has no room for, an unknown type, a text that is not UTF-8, a name that occurs twice.",
  },
  (name: string, what: string, at: number) => ({
    title: `the header of \`${name}\` makes no sense: ${what}`,
    notes: [["place", `before byte ${grouped(at)}`]],
  }),
);

export const ggufTensorType = message(
  "E0792",
  {
    summary: "a tensor of a GGUF file is of a type that is not read",
    explain:
      "F32, F16, BF16, Q8_0, Q4_0 and Q4_1 are read. The other types of llama.cpp are quantised further. Convert the model it " +
      "was made from, or have llama.cpp requantise it (`llama-quantize --allow-requantize IN OUT Q8_0`).",
  },
  (name: string, tensor: string, type: string, known: readonly string[]) => ({
    title: `\`${name}\`: tensor \`${tensor}\` is of type ${type}, which is not read`,
    why: `Types that are read: ${listOf(known)}.`,
    help: [{ text: "convert the model that it was quantised from" }],
  }),
);

export const ggufTensorPlace = message(
  "E0793",
  {
    summary: "the tensors of a GGUF file do not fit its data",
    explain:
      "Each tensor must lie inside the data, at a multiple of the alignment, and share no byte with another; only " +
      "padding may stand between them. Otherwise the file was cut off or is damaged.",
  },
  (name: string, what: string) => ({ title: `\`${name}\`: ${what}` }),
);

export const ggufKey = message(
  "E0794",
  {
    summary: "a value of a GGUF header is missing or makes no sense",
    explain:
      "The header describes the model by keys such as `llama.block_count`. One that is needed is not there, or is not " +
      "of the kind that the key asks for, or contradicts another.",
  },
  (name: string, key: string, what: string) => ({ title: `\`${name}\`: \`${key}\` ${what}` }),
);

export const ggufArchitecture = message(
  "E0795",
  {
    summary: "a GGUF file holds a model of an architecture that anec does not have",
    explain: "The models that anec can be given from GGUF files are Llama, Qwen2 and Qwen3.",
  },
  (name: string, architecture: string, known: readonly string[]) => ({
    title: `\`${name}\` holds a model of architecture \`${architecture}\`, which anec does not have`,
    why: `Architectures that are read: ${listOf(known)}.`,
    help: didYouMean(architecture, known),
  }),
);

export const ggufUnsupported = message(
  "E0796",
  {
    summary: "a GGUF file holds something that anec does not have",
    explain:
      "A key or a tensor of the file changes what the model computes, and anec has no such computation: scaled rotary " +
      "embeddings, sliding windows, experts, biases where the family has none. Reading on would give another model.",
  },
  (name: string, kind: "key" | "tensor", which: string, what: string) => ({
    title: `\`${name}\` holds the ${kind} \`${which}\`: ${what}`,
    why: "anec does not have that, and the model would be another one without it.",
  }),
);

export const ggufTensorShape = message(
  "E0797",
  {
    summary: "a tensor of a GGUF file is missing or has the wrong shape",
    explain: "The tensors do not fit the dimensions that the header gives.",
  },
  (name: string, tensor: string, found: string | null, expected: string) => ({
    title:
      found === null
        ? `\`${name}\` has no tensor \`${tensor}\``
        : `\`${name}\`: tensor \`${tensor}\` is ${found}, and ${expected} by the header`,
  }),
);

export const ggufTokenizer = message(
  "E0798",
  {
    summary: "the tokenizer of a model cannot be carried over to or from GGUF",
    explain:
      "Byte-level byte-pair encodings whose way of splitting text is that of GPT-2, Llama 3, Qwen2 or SmolLM2 are carried " +
      "over. With another tokenizer the weights are carried over alone, and text must be turned into ids elsewhere.",
  },
  (name: string, direction: "read" | "written", why: string) => ({
    severity: "warning",
    title: `\`${name}\` is ${direction} without its tokenizer: ${why}`,
  }),
);

export const ggufRowsKept = message(
  "E0799",
  {
    summary: "tensors were written wider than asked for",
    explain:
      "Q8_0 packs 32 numbers of a row into a block. Tensors whose rows are not made of whole blocks are written as F16, as " +
      "llama.cpp does.",
  },
  (path: string, tensors: number, block: number) => ({
    severity: "warning",
    title: `${count(tensors, "tensor")} of \`${path}\` ${tensors === 1 ? "is" : "are"} written as F16, not as Q8_0`,
    why: `Their rows are not made of whole blocks of ${block} numbers.`,
  }),
);
