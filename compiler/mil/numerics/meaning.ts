/**
 * What an op computes in each kind of numerics.
 *
 * `ideal` and `fp16` are the ops' own meanings. `fast` multiplies and adds up in fp32. `exact` is the
 * engine: products in its fixed point, functions from its tables, and everything else as the op says, on
 * operands in which the exponent 31 is read as a number. Ops that only move elements move bits.
 *
 * Not published, and so computed in float64 and rounded once: divisions, powers, logarithms, norms,
 * softmax, pools, resizing, recurrent ops.
 */
import { int, ints, maybe, one } from "../infer.ts";
import type { Numerics } from "../interpret_values.ts";
import { ACTIVATIONS } from "../ops/activations.ts";
import type { MilOp } from "../ops/define.ts";
import { ELEMENTWISE, integerRange } from "../ops/elementwise.ts";
import { NORMS } from "../ops/norm.ts";
import { POOLS } from "../ops/pool.ts";
import { RECURRENT } from "../ops/recurrent.ts";
import { REDUCTIONS } from "../ops/reduce.ts";
import { RESIZES } from "../ops/resize.ts";
import { roundHalfAway as nearestWhole } from "../special.ts";
import {
  type Loaded,
  type LoadedOperands,
  type Meaning,
  type Meanings,
  reduceRows,
} from "../tensors.ts";
import { type Arithmetic, EXACT, FAST } from "./arithmetic.ts";
import { convIn, convTransposeIn } from "./convolutions.ts";
import { type EngineOptions, hasInt8Ceiling, hasSliceGain, throughGain } from "./engine.ts";
import { decode, roundHalfAway } from "./half_away.ts";
import { attentionIn, einsumIn, linearIn, matmulIn } from "./products.ts";
import { TABLES, type TableName } from "./tables.ts";

/** The meaning of an op that the interpreter can run. */
export function meaningOf(op: MilOp, numerics: Numerics, engine: EngineOptions): Meanings {
  const own = op.run!;
  if (numerics === "ideal" || numerics === "fp16") return own;
  const special = numerics === "fast" ? FAST_MEANINGS.get(op.name) : exactMeaning(op, engine);
  // Integers need no arithmetic of the engine.
  const run: Meanings = (o, outs) => (isFloat(o) && special !== undefined ? special : own)(o, outs);
  const isLossy = numerics === "exact" && hasInt8Ceiling(engine) && !READS_WEIGHTS.has(op.name);
  return isLossy ? (o, outs) => run(mapOperands(o, throughInt8), outs) : run;
}

/** Ops that read constants of int8 as weights. */
const READS_WEIGHTS: ReadonlySet<string> = new Set([
  ...["conv", "conv_transpose", "einsum", "linear", "matmul"],
]);

/** A constant of int8 as ops other than products read it (fact: int8_ceiling). */
const throughInt8 = (x: Loaded): Loaded =>
  x.isInt8 === true && x.element === "fp16" ? { ...x, data: x.data.map(throughGain) } : x;

const mapOperands = (o: LoadedOperands, f: (x: Loaded) => Loaded): LoadedOperands =>
  new Map([...o].map(([name, list]) => [name, list.map(f)]));

/** Whether an op computes with floating-point numbers. */
function isFloat(o: LoadedOperands): boolean {
  return [...o.values()].some((list) => list.some((x) => /^(fp|bf)/.test(x.element)));
}

const single =
  (meaning: Meaning): Meanings =>
  (o, outs) => [meaning(o, outs[0]!)];

const products = (a: Arithmetic): readonly (readonly [string, Meanings])[] => [
  ["matmul", single(matmulIn(a))],
  ["linear", single(linearIn(a))],
  ["einsum", single(einsumIn(a))],
  ["scaled_dot_product_attention", single(attentionIn(a))],
  ["conv", single(convIn(a))],
  ["conv_transpose", single(convTransposeIn(a))],
];

/** Σ x, or the mean, with each partial sum rounded by `round`. */
const sumBy =
  (round: (x: number) => number, isMean: boolean): Meaning =>
  (o) => {
    const x = one(o, "x");
    return reduceRows(x.data, x.shape, ints(o, "axes", [...x.shape.keys()]), (row) => {
      const sum = row.reduce((a, v) => round(a + v), 0);
      return isMean ? sum / row.length : sum;
    });
  };

/** ln Σ eˣ with the exponentials and their sum stored in between (fact: log_sum_exp). */
const logSumExp =
  (engine: EngineOptions): Meaning =>
  (o) => {
    const x = one(o, "x");
    const round = engine.sums === "half" ? roundHalfAway : (sum: number): number => sum;
    return reduceRows(x.data, x.shape, ints(o, "axes", [...x.shape.keys()]), (row) => {
      const powers = row.map((v) => decode(roundHalfAway(TABLES.exp(v))));
      const sum = powers.reduce((a, e) => round(a + e), 0);
      return TABLES.log(decode(roundHalfAway(sum)));
    });
  };

const FAST_MEANINGS: ReadonlyMap<string, Meanings> = new Map([
  ...products(FAST),
  ["reduce_sum", single(sumBy(Math.fround, false))],
  ["reduce_mean", single(sumBy(Math.fround, true))],
]);

const EXACT_PRODUCTS: ReadonlyMap<string, Meanings> = new Map(products(EXACT));

/** Ops that move elements although they stand among those that compute. */
const MOVES: ReadonlySet<string> = new Set(["band_part", "identity", "select"]);
const COMPUTES: ReadonlySet<string> = new Set(
  [ELEMENTWISE, ACTIVATIONS, REDUCTIONS, POOLS, NORMS, RESIZES, RECURRENT]
    .flat()
    .map(({ name }) => name)
    .filter((name) => !MOVES.has(name)),
);

function exactMeaning(op: MilOp, engine: EngineOptions): Meanings | undefined {
  const product = EXACT_PRODUCTS.get(op.name);
  if (product !== undefined) return product;
  const own = op.run!;
  if (op.name === "slice_by_size" || op.name === "slice_by_index")
    return hasSliceGain(engine) ? withSliceGain(own) : undefined;
  if (op.name === "cast")
    return (o, outs) => (isInteger(outs[0]!.element) ? decoded(own) : own)(o, outs);
  if (op.name === "quantize") return decoded(single(quantize));
  if (op.name === "dequantize") return decoded(own);
  if (!COMPUTES.has(op.name)) return undefined;
  const table = TABLES[op.name as TableName] as ((x: number) => number) | undefined;
  if (table !== undefined) return decoded(single(fromTable(op.name, table, own)));
  if (engine.sums === "half" && (op.name === "reduce_sum" || op.name === "reduce_mean"))
    return decoded(single(sumBy(roundHalfAway, op.name === "reduce_mean")));
  if (op.name === "reduce_log_sum_exp") return decoded(single(logSumExp(engine)));
  return decoded(own);
}

const isInteger = (element: string): boolean => /^u?int/.test(element);

/** f of operands as the engine reads them. */
const decoded =
  (f: Meanings): Meanings =>
  (o, outs) => {
    const read = (x: Loaded): Loaded => ({ ...x, data: x.data.map(decode) });
    return f(mapOperands(o, read), outs);
  };

/** gelu by sigmoid has another table, which is not published. */
const fromTable =
  (name: string, table: (x: number) => number, own: Meanings): Meaning =>
  (o, out) => {
    if (name === "gelu" && one(o, "mode").text === "SIGMOID_APPROXIMATION")
      return own(o, [out])[0]!;
    const epsilon = maybe(o, "epsilon")?.data[0] ?? 0;
    return one(o, "x").data.map((x) => table(x + epsilon));
  };

/** Halves go away from zero. */
const quantize: Meaning = (o, out) => {
  const [x, scale, zero] = [one(o, "input"), one(o, "scale"), maybe(o, "zero_point")];
  const [low, high] = integerRange(out.element)!;
  const axis = int(o, "axis", 0);
  const at = axis < 0 ? axis + x.shape.length : axis;
  const stride = x.shape.slice(at + 1).reduce((a, b) => a * b, 1);
  const of = (list: Loaded, i: number): number =>
    list.data[list.data.length === 1 ? 0 : Math.floor(i / stride) % x.shape[at]!]!;
  return x.data.map((v, i) => {
    const q = nearestWhole(v / of(scale, i)) + (zero === undefined ? 0 : of(zero, i));
    return Number.isNaN(q) ? 0 : Math.min(high, Math.max(low, q));
  });
};

/** Slices that start inside the last axis. */
const withSliceGain =
  (own: Meanings): Meanings =>
  (o, outs) => {
    const begin = ints(o, "begin", [0]).at(-1)!;
    const isOpen = (ints(o, "begin_mask", [0]).at(-1) ?? 0) !== 0;
    const values = own(o, outs);
    return begin === 0 || isOpen ? values : values.map((v) => v.map(throughGain));
  };
