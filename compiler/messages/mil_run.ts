/**
 * Messages about running MIL: the interpreter (E0370…) and weight files (E0750…).
 */
import type { Span } from "../support/source.ts";
import { at, didYouMean, listOf, message } from "./message.ts";

const quoted = (names: readonly string[]): string => listOf(names.map((n) => `\`${n}\``));

// --- Running a program with the interpreter ---------------------------------------------------

export const milCannotInterpret = message(
  "E0370",
  {
    summary: "the interpreter does not know an op",
    explain:
      "The interpreter runs the ops whose meaning is known. Random numbers, lists, branches and ops " +
      "outside the table can be read, checked and printed, but not run here.",
  },
  (span: Span | undefined, op: string) => ({
    title: `anec cannot run \`${op}\``,
    labels: at(span),
  }),
);

export const milBadInput = message(
  "E0371",
  {
    summary: "a function was run with inputs that are not its own",
    explain:
      "Each input of the function needs as many values as its shape has, and no other input is given.",
  },
  (func: string, input: string, problem: string) => ({
    title: `input \`${input}\` of function \`${func}\` ${problem}`,
  }),
);

export const milNoFunction = message(
  "E0372",
  {
    summary: "the program has no function of this name",
    explain: "A program has one or more functions; the usual one is `main`.",
  },
  (name: string, known: readonly string[]) => ({
    title: `the program has no function \`${name}\``,
    ...(known.length === 0 ? {} : { why: `It has ${quoted(known)}.` }),
    help: didYouMean(name, known),
  }),
);

export const milWeightsDoNotFit = message(
  "E0373",
  {
    summary: "a constant's weights are missing or do not have its type",
    explain:
      "The record of the weight file at the constant's offset must hold exactly its elements.",
  },
  (span: Span | undefined, path: string, offset: number, problem: string) => ({
    title: `the weights at ${path}, offset ${offset}, ${problem}`,
    labels: at(span),
  }),
);

export const milTooLarge = message(
  "E0374",
  {
    summary: "a value is too large to be computed by the interpreter",
    explain:
      "The interpreter is for checking small programs; it holds every value in memory at once.",
  },
  (span: Span | undefined, type: string) => ({
    title: `${type} is too large for the interpreter`,
    labels: at(span),
  }),
);

export const milNoSuchValue = message(
  "E0375",
  {
    summary: "a value that should be shown does not exist",
    explain: "`--trace` takes names of a function's inputs and results, or `all`.",
  },
  (func: string, name: string, known: readonly string[]) => ({
    title: `function \`${func}\` has no value \`${name}\``,
    help: didYouMean(name, known),
  }),
);

export const milTooMuchMemory = message(
  "E0376",
  {
    summary: "running a program would take too much memory",
    explain:
      "The interpreter keeps values as 8 bytes an element until their last use. It stops before they " +
      "fill the machine's memory; traced values count too.",
  },
  (span: Span | undefined, values: string) => ({
    title: `${values} are too many for the interpreter`,
    labels: at(span),
  }),
);

export const milTooMuchWork = message(
  "E0377",
  {
    summary: "running a program would take too long",
    explain:
      "The interpreter is the slow, obvious one. It counts the operations of each op before it begins, " +
      "and stops at a limit that stands for a few minutes; `--max-gflop` moves it.",
  },
  (span: Span | undefined, op: string) => ({
    title: `with this \`${op}\` the program is too much work for the interpreter`,
    labels: at(span),
  }),
);

export const milNoWeightFile = message(
  "E0378",
  {
    summary: "a weight file is not where the program says",
    explain:
      "`BLOBFILE` names a file; `@model_path` in it is the folder of the `.mil` file, or the one above it. " +
      "Running a program needs its weights: keep `weights/weight.bin` beside the program.",
  },
  (path: string, tried: readonly string[]) => ({
    title: `the weight file \`${path}\` is not there`,
    why: `Looked for ${quoted(tried)}.`,
  }),
);

// --- Weight files -----------------------------------------------------------------------------

export const blobHeader = message(
  "E0750",
  {
    summary: "the file is not a weight file of version 2",
    explain: "A weight file starts with a header of 64 bytes: a count, the version 2, and zeros.",
  },
  (file: string, problem: string) => ({ title: `${file} is not a weight file: ${problem}` }),
);

export const blobOffset = message(
  "E0751",
  {
    summary: "the offset of a weight is not that of a record",
    explain:
      "A BLOBFILE's offset is where the record's descriptor starts: a multiple of 64, at least 64, inside the file.",
  },
  (file: string, offset: number, problem: string) => ({
    title: `${file} has no record at offset ${offset}: ${problem}`,
  }),
);

export const blobRecord = message(
  "E0752",
  {
    summary: "a record of a weight file is damaged",
    explain:
      "The descriptor's type, size and payload offset contradict each other or the length of the file.",
  },
  (file: string, offset: number, problem: string) => ({
    title: `the record at offset ${offset} of ${file} is damaged: ${problem}`,
  }),
);
