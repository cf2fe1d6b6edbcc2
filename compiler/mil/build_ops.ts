/** The builder as lowering uses it: one helper an op, with our names for the arguments. */
import { type InputSpec, type MilCore, type MilVar, milCore, type Named } from "./build.ts";
import type { ElementType, MilFunction } from "./tree.ts";

type Unary = (x: MilVar, o?: Named) => MilVar;
/** A number on one side becomes a constant with the elements of the other. */
type Binary = (x: MilVar | number, y: MilVar | number, o?: Named) => MilVar;
type Reduce = (
  x: MilVar,
  axes: readonly number[],
  o?: Named & { readonly keepDims?: boolean },
) => MilVar;

export type GeluMode = "EXACT" | "TANH_APPROXIMATION" | "SIGMOID_APPROXIMATION";

export interface MilBuilder extends MilCore {
  readonly identity: Unary;
  cast(x: MilVar, to: ElementType, o?: Named): MilVar;
  sliceBySize(x: MilVar, begin: readonly number[], size: readonly number[], o?: Named): MilVar;
  reshape(x: MilVar, shape: readonly number[], o?: Named): MilVar;
  transpose(x: MilVar, perm: readonly number[], o?: Named): MilVar;
  expandDims(x: MilVar, axes: readonly number[], o?: Named): MilVar;
  squeeze(x: MilVar, axes: readonly number[], o?: Named): MilVar;
  concat(values: readonly MilVar[], axis: number, o?: Named): MilVar;
  tile(x: MilVar, reps: readonly number[], o?: Named): MilVar;
  /** Indices have integer elements. */
  gather(x: MilVar, indices: MilVar, axis: number, o?: Named): MilVar;
  /** [.., M, K] · [.., K, N]; either may be transposed first. */
  matmul(
    x: MilVar,
    y: MilVar,
    o?: Named & { readonly transposeX?: boolean; readonly transposeY?: boolean },
  ): MilVar;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly realDiv: Binary;
  readonly pow: Binary;
  readonly maximum: Binary;
  readonly minimum: Binary;
  readonly equal: Binary;
  readonly less: Binary;
  readonly greater: Binary;
  select(cond: MilVar, a: MilVar | number, b: MilVar | number, o?: Named): MilVar;
  readonly abs: Unary;
  readonly square: Unary;
  readonly relu: Unary;
  readonly sqrt: Unary;
  readonly exp: Unary;
  readonly erf: Unary;
  readonly tanh: Unary;
  readonly sigmoid: Unary;
  readonly silu: Unary;
  gelu(x: MilVar, mode: GeluMode, o?: Named): MilVar;
  /** 1 / √(x + epsilon) */
  rsqrt(x: MilVar, epsilon: number, o?: Named): MilVar;
  /** ln(x + epsilon) */
  log(x: MilVar, epsilon: number, o?: Named): MilVar;
  /** Reductions keep the reduced dimensions unless told otherwise. */
  readonly reduceSum: Reduce;
  readonly reduceMean: Reduce;
  readonly reduceMax: Reduce;
  readonly reduceMin: Reduce;
  softmax(x: MilVar, axis: number, o?: Named): MilVar;
}

/**
 * A function with the inputs, statements and outputs that `build` gives. The keys of what it
 * returns are the outputs' names, in this order.
 */
export function milFunction(
  name: string,
  inputs: readonly InputSpec[],
  build: (b: MilBuilder) => Readonly<Record<string, MilVar>>,
  options: { readonly opset?: string } = {},
): MilFunction {
  const { core, finish } = milCore(inputs);
  return finish(name, build(builderOn(core)), options.opset ?? "ios18");
}

/** The helpers over the functions of `core`. */
export function builderOn(core: MilCore): MilBuilder {
  const { op } = core;
  const unary =
    (name: string): Unary =>
    (x, o) =>
      op(name, { x }, o);
  const binary =
    (name: string): Binary =>
    (x, y, o) =>
      op(name, { x, y }, o);
  const reduce =
    (name: string): Reduce =>
    (x, axes, o = {}) =>
      op(name, { x, axes, keep_dims: o.keepDims ?? true }, o);
  return {
    ...core,
    identity: unary("identity"),
    cast: (x, to, o) => op("cast", { x, dtype: to }, o),
    sliceBySize: (x, begin, size, o) => op("slice_by_size", { x, begin, size }, o),
    reshape: (x, shape, o) => op("reshape", { x, shape }, o),
    transpose: (x, perm, o) => op("transpose", { x, perm }, o),
    expandDims: (x, axes, o) => op("expand_dims", { x, axes }, o),
    squeeze: (x, axes, o) => op("squeeze", { x, axes }, o),
    concat: (values, axis, o) => op("concat", { values, axis, interleave: false }, o),
    tile: (x, reps, o) => op("tile", { x, reps }, o),
    gather: (x, indices, axis, o) =>
      op("gather", { x, indices, axis, batch_dims: 0, validate_indices: false }, o),
    matmul: (x, y, o = {}) =>
      op(
        "matmul",
        { x, y, transpose_x: o.transposeX ?? false, transpose_y: o.transposeY ?? false },
        o,
      ),
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    realDiv: binary("real_div"),
    pow: binary("pow"),
    maximum: binary("maximum"),
    minimum: binary("minimum"),
    equal: binary("equal"),
    less: binary("less"),
    greater: binary("greater"),
    select: (cond, a, b, o) => {
      const partner = typeof a === "number" ? b : a;
      const element = typeof partner === "number" ? "fp16" : partner.element;
      const value = (v: MilVar | number): MilVar =>
        typeof v === "number" ? core.scalar(v, { element }) : v;
      return op("select", { cond, a: value(a), b: value(b) }, o);
    },
    abs: unary("abs"),
    square: unary("square"),
    relu: unary("relu"),
    sqrt: unary("sqrt"),
    exp: unary("exp"),
    erf: unary("erf"),
    tanh: unary("tanh"),
    sigmoid: unary("sigmoid"),
    silu: unary("silu"),
    gelu: (x, mode, o) => op("gelu", { x, mode }, o),
    rsqrt: (x, epsilon, o) => op("rsqrt", { x, epsilon }, o),
    log: (x, epsilon, o) => op("log", { x, epsilon }, o),
    reduceSum: reduce("reduce_sum"),
    reduceMean: reduce("reduce_mean"),
    reduceMax: reduce("reduce_max"),
    reduceMin: reduce("reduce_min"),
    softmax: (x, axis, o) => op("softmax", { x, axis }, o),
  };
}
