/** E09xx: training and generating text. */
import type { Span } from "../support/source.ts";
import { inItsWords } from "./ane.ts";
import { count, grouped } from "./files.ts";
import { at, didYouMean, listOf, message } from "./message.ts";

export const badTrainOption = message(
  "E0901",
  {
    summary: "a number given to training or generation is out of range",
    explain:
      "Each option has a range in which it means something: the learning rate is above 0, the steps of a " +
      "group are at least 1, and so on. The message says which option, what it was, and what it must be.",
  },
  (option: string, value: string, needs: string) => ({
    title: `\`--${option}\` is ${value}, but it must be ${needs}`,
  }),
);

export const lossNotFinite = message(
  "E0902",
  {
    summary: "the loss is no longer a number",
    explain:
      "The loss became infinite or NaN, so nothing can be learnt from it. Training stopped before it " +
      "touched the parameters: they are those of the last update. Usual causes are a learning rate that is " +
      "too high, or no warm-up.",
  },
  (where: string, loss: number, updates: number) => ({
    title: `the loss of ${where} is ${Number.isNaN(loss) ? "not a number" : "infinite"}`,
    why: `Training stopped; the parameters are those of update ${grouped(updates)}.`,
    help: [{ text: "train again, or resume an earlier checkpoint, with a lower `--lr`" }],
  }),
);

export const gradientNotFinite = message(
  "E0903",
  {
    summary: "a gradient is no longer a number",
    explain:
      "Elements of the gradient became infinite or NaN although the loss was finite. The update was not " +
      "made: the parameters are those of the update before.",
  },
  (update: number, elements: number, worst: string) => ({
    title: `the gradient of update ${grouped(update)} has ${count(elements, "element")} that ${
      elements === 1 ? "is" : "are"
    } not finite`,
    why:
      `The first parameter concerned is \`${worst}\`. Training stopped; the parameters are those of ` +
      `update ${grouped(update - 1)}.`,
    help: [{ text: "train again, or resume an earlier checkpoint, with a lower `--lr`" }],
  }),
);

export const noTrainEntry = message(
  "E0904",
  {
    summary: "a file has no `train` to run",
    explain:
      "Training needs a `train NAME(tokens: i32[S], targets: i32[S]) { loss … }` in the file, which says " +
      "what the loss is. `dsl/models/tiny.ane` is a small example.",
  },
  (path: string, name: string | undefined, known: readonly string[]) => ({
    title:
      name === undefined
        ? `\`${path}\` has no \`train\``
        : `\`${path}\` has no \`train\` named \`${name}\``,
    ...(known.length === 0 ? {} : { why: `It has ${listOf(known.map((n) => `\`${n}\``))}.` }),
    help:
      name === undefined
        ? [{ text: "add `train NAME(tokens: i32[S], targets: i32[S]) { loss … }`" }]
        : didYouMean(name, known),
  }),
);

export const severalTrainEntries = message(
  "E0905",
  {
    summary: "a file has several `train`s and none was chosen",
    explain: "Name the one to run.",
  },
  (path: string, known: readonly string[]) => ({
    title: `\`${path}\` has several \`train\`s: ${listOf(known.map((n) => `\`${n}\``))}`,
    help: [{ text: `choose one with \`--entry ${known[0] ?? "NAME"}\`` }],
  }),
);

export const trainArguments = message(
  "E0906",
  {
    summary: "a `train` does not take tokens and targets",
    explain:
      "Training on text gives a `train` two rows of ids of the same length: the tokens of a window, and " +
      "the same tokens one later, in this order: `(tokens: i32[S], targets: i32[S])`.",
  },
  (name: string, found: string, span?: Span) => ({
    title: `\`train ${name}\` takes ${found}; training on text needs two equal rows of ids`,
    labels: at(span),
    help: [{ text: `write \`train ${name}(tokens: i32[S], targets: i32[S])\`` }],
  }),
);

export const notLlamaShaped = message(
  "E0907",
  {
    summary: "`--compat autoane` needs a model like those of AutoANE",
    explain:
      "AutoANE's initial values are defined for its own models: an embedding, blocks with `attn.wq`, `wk`, " +
      "`wv`, `wo` and `ffn.w1`, `w2`, `w3`, and norms. Models made of `block` from the library are such.",
  },
  (what: string) => ({
    title: `the model is not one that AutoANE can initialise: ${what}`,
    help: [{ text: "leave out `--compat autoane`" }],
  }),
);

export const vocabularyTooSmall = message(
  "E0908",
  {
    summary: "the vocabulary of a model has no name and cannot follow the data",
    explain:
      "The rows of the embedding table are a bare number, so the data cannot set them. Give the dimension " +
      "a name: `dims V = …` and `param weight: [V, D]`.",
  },
  (rows: number, vocabulary: number) => ({
    title: `the data has a vocabulary of ${grouped(vocabulary)}, but the embedding has ${grouped(rows)} rows`,
    why: "The number of rows is not a dimension with one name, so the data cannot set it.",
    help: [{ text: "give it a name, such as `V`, with `dims V = …`" }],
  }),
);

// The engine.

export const engineTriedAgain = message(
  "E0915",
  {
    summary: "the engine failed and was tried again",
    explain:
      "Some failures of the Neural Engine pass: its service restarts, an evaluation takes too long. They " +
      "are tried again, and the result is the same as without them. If this is said often, something is " +
      "wrong with the machine, and training takes longer than it should.",
  },
  (step: number, times: number, words: readonly string[]) => ({
    severity: "warning",
    ...inItsWords(
      `the engine failed ${count(times, "time")} in step ${grouped(step)} and was tried again`,
      words.join("\n"),
    ),
  }),
);

export const engineMended = message(
  "E0921",
  {
    summary: "something around the engine was mended",
    explain:
      "A kept program was damaged and was compiled again, a program lost its place and was loaded again, a " +
      "description that a compiled program gives of itself was not usable and was computed instead. Nothing " +
      "was lost but time; the words are the device's.",
  },
  (step: number, words: readonly string[]) => ({
    severity: "warning",
    ...inItsWords(`the engine was mended before or in step ${grouped(step)}`, words.join("\n")),
  }),
);

export const engineReloaded = message(
  "E0916",
  {
    summary: "the engine failed in the middle of a run and was opened anew",
    explain:
      "Trying again did not help, so all programs were loaded anew with the parameters and moments of the " +
      "last update, and the steps since then were repeated on the same windows. Nothing was lost.",
  },
  (step: number, words: string, detail: string) => ({
    severity: "warning",
    ...inItsWords(`the engine failed in step ${grouped(step)}: ${words}`, detail),
    why: "It was opened anew, and the steps since the last update were repeated.",
  }),
);

export const engineGaveWay = message(
  "E0917",
  {
    summary: "the engine failed in the middle of a run and the processor took over",
    explain:
      "Neither trying again nor opening the engine anew helped. The run goes on with the same parameters, " +
      "moments and windows on the processor, which computes in fp32: its losses differ from the engine's by " +
      "rounding only. `--no-fallback` stops the run instead.",
  },
  (step: number, words: string, detail: string) => ({
    severity: "warning",
    ...inItsWords(`the engine failed in step ${grouped(step)} and stays so: ${words}`, detail),
    why: `The run goes on on the cpu from step ${grouped(step)}.`,
    help: [{ text: "give `--no-fallback` to stop instead" }],
  }),
);

export const engineStopped = message(
  "E0918",
  {
    summary: "the engine failed in the middle of a run, which was to stop then",
    explain:
      "Neither trying again nor opening the engine anew helped, and `--no-fallback` was given. The " +
      "checkpoint has the state of the last update: `--resume` goes on from it, on any device.",
  },
  (step: number, words: string, detail: string) => ({
    ...inItsWords(`the engine failed in step ${grouped(step)} and stays so: ${words}`, detail),
    why: "Training stopped, as `--no-fallback` was given; the checkpoint is of the last update.",
    help: [{ text: "go on with `--resume`, with `--device cpu` if the engine keeps failing" }],
  }),
);

export const engineBudgetSpent = message(
  "E0919",
  {
    summary: "the engine compiles no more programs in this process, which was to hand over then",
    explain:
      "A process can compile a limited number of programs, about a hundred up to macOS 15. Beyond that only " +
      "another process can have more. `anec train` starts one by itself. A program that trains through the " +
      "library with `handsOver` saves a checkpoint and resumes from it in a process of its own: the " +
      "checkpoint has the state after the last step that is done.",
  },
  (step: number, words: string, detail: string) => ({
    ...inItsWords(
      `the engine compiles no more in this process, from step ${grouped(step)}: ${words}`,
      detail,
    ),
    help: [{ text: "save a checkpoint, and resume from it in another process" }],
  }),
);

export const engineHandedOver = message(
  "E0920",
  {
    summary: "a fresh process goes on with the run, as the engine compiles no more in this one",
    explain:
      "A process can compile a limited number of programs, about a hundred up to macOS 15. What the run is " +
      "made of went into a temporary checkpoint, from which a fresh process goes on with the same step: " +
      "losses, output and the checkpoint at the end are the same, bit for bit. A process that gets no step " +
      "done does not hand over again: the run then goes on on the processor, or stops with `--no-fallback`.",
  },
  (step: number, detail: string) => ({
    severity: "warning",
    ...inItsWords(
      `a fresh process goes on from step ${grouped(step)}: the engine compiles no more in this one`,
      detail,
    ),
  }),
);

export const engineSwitchedOff = message(
  "E0922",
  {
    summary: "the residual stream became large, and the processor took over from the engine",
    explain:
      "With `--adaptive`, the largest magnitude of the last residual is watched, as fp16 has few digits to " +
      "spare where values are large. It was above the limit in so many steps in a row as " +
      "`--adaptive-window` says, so the rest of the run is computed in fp32, also after it was resumed. " +
      "`--adaptive 0` with `--resume` goes back to the engine.",
  },
  (step: number, peak: number, limit: number, window: number) => ({
    severity: "warning",
    title: `the run goes on on the cpu from step ${grouped(step)}, as \`--adaptive\` says`,
    why:
      `The residual stream was above ${limit} in ${count(window, "step")} in a row` +
      `${Number.isNaN(peak) ? "" : `, ${peak.toPrecision(4)} in the last one`}.`,
  }),
);

// Generating text.

export const noModelEntry = message(
  "E0910",
  {
    summary: "a checkpoint holds no model that gives logits",
    explain:
      "Generating needs a `model` that takes one row of token ids [S] and returns logits [S, V], with the " +
      "parameters that were trained. It is found by the name of the `train`, or is the only `model`.",
  },
  (what: string) => ({ title: `this checkpoint cannot generate text: ${what}` }),
);

export const noTokenizer = message(
  "E0911",
  {
    summary: "a checkpoint knows no tokenizer",
    explain:
      "The model was trained on a token file without metadata, or with a tokenizer that this anec does not " +
      "have, so its ids cannot be turned into text.",
  },
  (path: string, tokenizer: string | null, known: readonly string[]) => ({
    title:
      tokenizer === null
        ? `\`${path}\` was trained on tokens of an unknown tokenizer`
        : `\`${path}\` was trained with the tokenizer \`${tokenizer}\`, which this anec does not have`,
    why: `Text needs one of ${listOf(known.map((n) => `\`${n}\``))}.`,
  }),
);

export const emptyPrompt = message(
  "E0912",
  {
    summary: "there is nothing to continue",
    explain: "The prompt is empty and the tokenizer has no token that starts a text.",
  },
  (tokenizer: string) => ({
    title: `the prompt is empty, and the tokenizer \`${tokenizer}\` has no token to start with`,
    help: [{ text: "give some text to continue" }],
  }),
);

export const promptBeyondVocabulary = message(
  "E0913",
  {
    summary: "a prompt holds an id the model has no row for",
    explain: "The vocabulary of the model is smaller than that of the tokenizer.",
  },
  (id: number, vocabulary: number) => ({
    title: `token ${grouped(id)} of the prompt is beyond the vocabulary of ${grouped(vocabulary)}`,
  }),
);

export const contextTooLong = message(
  "E0914",
  {
    summary: "the context is longer than the model can be run at",
    explain:
      "This model cannot be run token by token with caches, so it is run whole, and its sequence length is " +
      "the longest context.",
  },
  (context: number, S: number, refused: string) => ({
    title: `a context of ${grouped(context)} is longer than the sequence of ${grouped(S)}`,
    why: `The model runs without a cache: ${refused}.`,
  }),
);
