/**
 * The loss of a model on text.
 *
 *   fixed   ten windows of the validation split, those that training validates on
 *   val     the whole validation split, window after window
 *   all     the whole file, window after window
 *
 * Window after window, every token but the first is predicted once. The end-of-text token behind the last document is
 * no part of the text and does not count. With a stride below S each window is
 * moved by the stride only, and counts its last tokens, which have the more to go by.
 *
 * With `ids` the softmax is over the ids that occur in them, and one more where a token that counts is none of them.
 */
import { type Graph, leafName, makeGraph } from "../compiler/ir/graph.ts";
import { tooFewTokens } from "../compiler/messages/data.ts";
import { add } from "../compiler/ops/add.ts";
import { crossEntropy } from "../compiler/ops/cross_entropy.ts";
import { input } from "../compiler/ops/input.ts";
import { slice } from "../compiler/ops/slice.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { inputStorage, lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import type { DeviceOptions, Session } from "../runtime-native/js/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { modelOf } from "./checkpoint_model.ts";
import { checkSequence, type TokenData } from "./data/token_file.ts";
import { byteLengths, type Tokenizer } from "./data/tokenizers.ts";
import { fixedValidationWindows } from "./data/windows.ts";
import { logitsGraph } from "./decoder.ts";
import { openWithParams } from "./host_session.ts";
import { checkTokens, type IdMask, idsIn, maskOf } from "./known_ids.ts";
import { nameOf, type TrainingModel } from "./model.ts";
import { needWhole } from "./options.ts";
import { rowOfId, unseenBy } from "./vocabulary.ts";

export const evaluations = ["fixed", "val", "all"] as const;

export interface EvaluateOptions {
  readonly data: TokenData;
  /** Default: fixed. */
  readonly windows?: (typeof evaluations)[number];
  /** Tokens from one window to the next; default S. Not for fixed windows. */
  readonly stride?: number;
  /** Tokens of a window; the model's own unless given. */
  readonly S?: number;
  /** Of the model; counts bytes of text. Without it, the mean of the data is taken. */
  readonly tokenizer?: Tokenizer | undefined;
  /** The softmax is over the ids that occur in it; unless given, over all that the model has. */
  readonly ids?: TokenData | undefined;
  readonly device?: DeviceOptions;
  readonly onProgress?: (done: number, windows: number) => void;
  /** Ends it from outside; the result is then of the windows that were done. */
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  /** Mean of the tokens counted, in nats. */
  readonly loss: number;
  /** e^loss. */
  readonly perplexity: number;
  /** Undefined if it is not known how long tokens are. */
  readonly bitsPerByte: number | undefined;
  /** Tokens that were predicted and counted. */
  readonly tokens: number;
  /** Of these, how many are ids that training never saw: one row stands for all. Undefined if nobody knows. */
  readonly unseen: number | undefined;
  /** Windows that were run, of S tokens each. */
  readonly windows: number;
  readonly S: number;
  /** With `ids`: how many there are, and tokens that are none of them, which count as one id more. */
  readonly ids?: number;
  readonly outside?: number;
  readonly isInterrupted: boolean;
}

/** Rows [from, to) of the window at a position count. */
interface Window {
  readonly position: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Measures a model. Throws a `UserError`: E0805, E0806 and E0832 for data that is not the model's, E0901 for options,
 * E0910, those of checkpoints.
 */
export async function evaluate(
  checkpoint: Checkpoint,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { data, windows: kind = "fixed", tokenizer, onProgress, signal } = options;
  const model = withSequence(checkpoint, options.S);
  const { S } = model;
  const stride = options.stride ?? S;
  needWhole("stride", stride, 1, S);
  checkTokens(checkpoint, data);
  if (kind === "fixed") checkSequence(data, S);
  const windows = windowsOf(kind, data, { S, stride, end: endOfLast(data, tokenizer) });
  if (windows.length === 0) {
    throw new UserError(tooFewTokens(data.path, "validation", data.valTokens, 0));
  }
  const ranges = rangesOf(windows);
  const ids = options.ids === undefined ? undefined : idsIn(checkpoint, options.ids);
  const outside = ids === undefined ? 0 : countOutside(windows, data, ids);
  const mask = ids && maskOf(checkpoint.vocabulary, ids, outside > 0);
  const isWhole = kind === "fixed" && mask === undefined;
  const programs = isWhole ? [model.graph] : lossGraphs(model, ranges, mask);
  const session = openLosses(programs, checkpoint, options.device);
  if (mask !== undefined) session.f32(inputStorage(MASK)).set(mask.values);
  const rowOf = rowOfId(checkpoint.vocabulary) ?? ((id: number) => id);
  const targetOf = mask?.rowOf ?? rowOf;
  const lengths = tokenizer === undefined ? undefined : byteLengths(tokenizer);
  const isUnseen = unseenBy(checkpoint);
  let [sum, tokens, unseen, bytes, done] = [0, 0, 0, 0, 0];
  try {
    for (const window of windows) {
      if (signal?.aborted === true) break;
      const { position, from, to } = window;
      const program = ranges.indexOf(rangeOf(window));
      const [tokenRows, targets] = programs[program]!.inputs.slice(0, 2).map((x) =>
        session.i32(inputStorage(leafName(x))),
      ) as [Int32Array, Int32Array];
      // A text shorter than a window ends before it; what is behind does not count and is not looked at.
      for (let i = 0; i < S; i++) tokenRows[i] = rowOf(data.tokens[position + i] ?? 0);
      for (let i = from; i < to; i++) {
        const id = data.tokens[position + 1 + i]!;
        targets[i - from] = targetOf(id);
        if (isUnseen?.(id) === true) unseen += 1;
      }
      session.run(`run.${program}`);
      sum += session.f32(`loss.${program}`)[0]! * (to - from);
      tokens += to - from;
      if (lengths !== undefined) {
        for (let i = from; i < to; i++) bytes += lengths[data.tokens[position + 1 + i]!] ?? 0;
      }
      done += 1;
      onProgress?.(done, windows.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    session.close();
  }
  const loss = sum / tokens;
  // Validation takes the mean of the whole split, so that its numbers can be compared with those of training.
  const counted = kind === "fixed" || lengths === undefined ? undefined : bytes / tokens;
  const bytesPerToken = counted ?? data.bytesPerToken ?? 0;
  return {
    ...{ loss, perplexity: Math.exp(loss), tokens, windows: done, S },
    unseen: isUnseen === undefined ? undefined : unseen,
    bitsPerByte: bytesPerToken > 0 ? loss / Math.LN2 / bytesPerToken : undefined,
    ...(ids === undefined ? {} : { ids: ids.size, outside }),
    isInterrupted: done < windows.length,
  };
}

/** The model of a checkpoint over windows of another length. */
function withSequence(checkpoint: Checkpoint, S: number | undefined): TrainingModel {
  const own = modelOf(checkpoint);
  if (S === undefined || S === own.S) return own;
  needWhole("context", S, 2, 2 ** 20);
  const dim = nameOf(own.graph.inputs[0]!.type.shape[0]!);
  // A model whose sequence has no name has only one length.
  if (dim === null) {
    needWhole("context", S, own.S, own.S);
    return own;
  }
  const { model } = checkpoint;
  return modelOf({
    ...checkpoint,
    model: { ...model, overrides: { ...model.overrides, [dim]: S } },
  });
}

/** Where the last document ends: before the token that says so. */
function endOfLast({ tokens }: TokenData, tokenizer: Tokenizer | undefined): number {
  const isEnded = tokens.length > 0 && tokens.at(-1) === tokenizer?.endOfText;
  return isEnded ? tokens.length - 1 : tokens.length;
}

interface Walk {
  readonly S: number;
  readonly stride: number;
  /** Tokens behind it do not count. */
  readonly end: number;
}

function windowsOf(
  kind: (typeof evaluations)[number],
  data: TokenData,
  { S, stride, end }: Walk,
): Window[] {
  const { valStart, valTokens } = data;
  if (kind === "fixed") {
    const positions = fixedValidationWindows(valStart, valTokens, S);
    return positions.map((position) => ({ position, from: 0, to: S }));
  }
  const start = kind === "val" ? valStart : 0;
  const targets = end - start - 1;
  if (targets <= S) return targets < 1 ? [] : [{ position: start, from: 0, to: targets }];
  const windows: Window[] = [{ position: start, from: 0, to: S }];
  for (let covered = S; covered < targets; ) {
    const step = Math.min(stride, targets - covered);
    covered += step;
    windows.push({ position: start + covered - S, from: S - step, to: S });
  }
  return windows;
}

function rangeOf({ from, to }: Window): string {
  return `${from}:${to}`;
}

/** Tokens that count and are none of `ids`. */
function countOutside(
  windows: readonly Window[],
  { tokens }: TokenData,
  ids: ReadonlySet<number>,
): number {
  let outside = 0;
  for (const { position, from, to } of windows) {
    for (let i = from; i < to; i++) if (!ids.has(tokens[position + 1 + i]!)) outside += 1;
  }
  return outside;
}

/** The ranges of rows that count, each once: three at most. */
function rangesOf(windows: readonly Window[]): string[] {
  return [...new Set(windows.map(rangeOf))];
}

/** The input that is added to the logits. */
const MASK = "ids.mask";

/** For each range of rows, the mean cross entropy of those rows. */
function lossGraphs(model: TrainingModel, ranges: readonly string[], mask?: IdMask): Graph[] {
  const whole = logitsGraph(model.elaborated, model.entry);
  const logits = whole.outputs[0]!.node;
  return ranges.map((range, i) => {
    const [from, to] = range.split(":").map(Number) as [number, number];
    const rows = slice(logits, { axis: 0, from, to });
    const type = { dtype: "i32", shape: [rows.type.shape[0]!] } as const;
    const targets = input(whole.scope, `targets.${i}`, type);
    const { dtype, shape } = rows.type;
    const added = mask && input(whole.scope, MASK, { dtype, shape: [shape[1]!] });
    const counted = added === undefined ? rows : add(rows, added);
    const outputs = [{ name: "loss", node: crossEntropy(counted, targets) }];
    const inputs = [whole.inputs[0]!, targets, ...(added === undefined ? [] : [added])];
    return makeGraph({ ...whole, inputs, outputs });
  });
}

/** A session in which program `i` is called `run.i`, with its loss in `loss.i`. */
function openLosses(
  graphs: readonly Graph[],
  checkpoint: Checkpoint,
  device?: DeviceOptions,
): Session {
  const plan = newPlan();
  for (const [i, graph] of graphs.entries()) {
    lowerToHost(plan, {
      name: `run.${i}`,
      graph: runPasses(graph, pipelines.infer).graph,
      outputStorage: () => `loss.${i}`,
    });
  }
  return openWithParams(finishPlan(plan), checkpoint, graphs[0]?.params ?? [], device);
}
