/** Recurrent layers. The engine has none of them; models of other tools do. */
import {
  differ,
  flag,
  type Mistake,
  maybe,
  mayEqual,
  mistake,
  type Operands,
  one,
  type Rule,
  rankMistake,
  shapeText,
  textOf,
} from "../infer.ts";
import { type MilOp, op } from "./define.ts";
import { runGru, runLstm, runRnn } from "./recurrent_run.ts";

/** The weights that may be left out, with the shapes that they must have. */
function misfitOf(o: Operands, gates: number, size: number, inputs: number): Mistake | undefined {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    bias: [gates * size],
    input_bias: [gates * size],
    peephole: [3 * size],
    weight_ih_back: [gates * size, inputs],
    weight_hh_back: [gates * size, size],
    bias_back: [gates * size],
    peephole_back: [3 * size],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const found = maybe(o, name);
    if (found !== undefined && !mayEqual(found.shape, shape))
      return mistake(name, `must be ${shapeText(shape)}`, { [name]: found });
  }
  return undefined;
}

/**
 * x [S, B, I] with weights [gates · H, I] and [gates · H, H] gives [S or 1, B, directions · H], and
 * `finals` states [B, directions · H].
 */
const recurrent =
  (gates: number, finals: number): Rule =>
  (o: Operands) => {
    const [x, weight, hidden] = [one(o, "x"), one(o, "weight_ih"), one(o, "weight_hh")];
    const wrong =
      rankMistake("x", x, 3, 3) ??
      rankMistake("weight_ih", weight, 2, 2) ??
      rankMistake("weight_hh", hidden, 2, 2);
    if (wrong !== undefined) return wrong;
    const [steps, batch, inputs] = x.shape as [number, number, number];
    const size = hidden.shape[1]!;
    if (differ(hidden.shape[0], gates * size))
      return mistake("weight_hh", `must be [${gates} · hidden, hidden]`, { weight_hh: hidden });
    if (differ(weight.shape[0], gates * size) || differ(weight.shape[1], inputs))
      return mistake("weight_ih", `must be [${gates * size}, ${inputs}]`, { weight_ih: weight, x });
    const unfit = misfitOf(o, gates, size, inputs);
    if (unfit !== undefined) return unfit;
    const isBoth = textOf(o, "direction", "forward") === "bidirectional";
    if (isBoth && maybe(o, "weight_hh_back") === undefined)
      return mistake("weight_hh_back", "must be given for two directions", { x });
    const width = size * (isBoth ? 2 : 1);
    const start = one(o, "initial_h");
    if (start.shape.length !== 2 || differ(start.shape[0], batch) || differ(start.shape[1], width))
      return mistake("initial_h", `must be [${batch}, ${width}]`, { initial_h: start, x });
    const last = { element: x.element, shape: [batch, width] };
    const cell = maybe(o, "initial_c");
    if (cell !== undefined && !mayEqual(cell.shape, start.shape))
      return mistake("initial_c", "must have the shape of `initial_h`", { initial_c: cell, start });
    const all = {
      element: x.element,
      shape: [flag(o, "output_sequence") ? steps : 1, batch, width],
    };
    return [all, ...new Array<typeof last>(finals).fill(last)];
  };

/** Two products for each gate and step. */
const flops =
  (gates: number): MilOp["flops"] =>
  (o, [, last]) => {
    const [steps = 0, batch = 0, inputs = 0] = one(o, "x").shape;
    const width = last!.shape[1]!;
    return 2 * steps * batch * gates * width * (inputs + one(o, "weight_hh").shape[1]!);
  };

const COMMON = "weight_ih: floats, weight_hh: floats, bias: floats?";
const FORWARD = "direction: text(forward|reverse)?, output_sequence: flag?";

export const RECURRENT: readonly MilOp[] = [
  op(
    "lstm",
    `x: floats, initial_h: floats, initial_c: floats, ${COMMON}, peephole: floats?, weight_ih_back: floats?, weight_hh_back: floats?, bias_back: floats?, peephole_back: floats?, direction: text(forward|reverse|bidirectional)?, output_sequence: flag?, recurrent_activation: text?, cell_activation: text?, activation: text?, clip: scalar?`,
    recurrent(4, 2),
    "long short-term memory: all states, the last one, the last cell",
    { results: 3, runs: runLstm, flops: flops(4) },
  ),
  op(
    "gru",
    `x: floats, initial_h: floats, ${COMMON}, ${FORWARD}, recurrent_activation: text?, activation: text?, reset_after: flag?, input_bias: floats?`,
    recurrent(3, 1),
    "gated recurrent units: all states, the last one",
    { results: 2, runs: runGru, flops: flops(3) },
  ),
  op(
    "rnn",
    `x: floats, initial_h: floats, ${COMMON}, ${FORWARD}, activation: text?`,
    recurrent(1, 1),
    "a recurrent layer: all states, the last one",
    { results: 2, runs: runRnn, flops: flops(1) },
  ),
];
