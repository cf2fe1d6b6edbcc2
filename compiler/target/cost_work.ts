/**
 * What a program asks of the engine, in numbers that a chip's constants turn into time.
 *
 * One walk over the statements: products are counted in floating-point operations, everything else in
 * elements or bytes. Reshapes are free, and so is what the engine does behind a product in the same
 * task: an activation, a factor or a bias per channel.
 */

import type { MilFunction, MilProgram, Statement } from "../mil/tree.ts";
import { bug } from "../support/bug.ts";
import {
  argument,
  elementCount,
  int,
  ints,
  isConstant,
  type MilView,
  operand,
  result,
  type Site,
  type Tensor,
  tensorAt,
  tensorOf,
  viewsOf,
} from "./facts/walk.ts";

/** The work of one run of a program. Counts add up over programs. */
export interface Work {
  /** Of products whose contraction is at most `LONG_CONTRACTION`; a multiply and an add are two. */
  readonly flops: number;
  /** Of products with a longer contraction, which run at a fraction of the rate. */
  readonly longFlops: number;
  /** Constants that products read; equal records of one file count once. */
  readonly weightBytes: number;
  /** All inputs and outputs, as the surfaces are laid out. */
  readonly surfaceBytes: number;
  /** Results of element-wise ops that are not folded into a product. */
  readonly elements: number;
  /** What reductions, norms and softmax read. */
  readonly reducedElements: number;
  /** Written by transposes, slices, concats and tiles. */
  readonly movedBytes: number;
  /** Intermediate values that do not stay on the chip, written and read again. */
  readonly spilledBytes: number;
  /** Ops that take a task of their own. */
  readonly ops: number;
}

export const NO_WORK: Work = {
  flops: 0,
  longFlops: 0,
  weightBytes: 0,
  surfaceBytes: 0,
  elements: 0,
  reducedElements: 0,
  movedBytes: 0,
  spilledBytes: 0,
  ops: 0,
};

/** A convolution of K ≈ 17,408 is reported at 4.3 TFLOPS and at 11.8 in slabs of ≤ 4,608 (ddalcu/mlx-serve). */
export const LONG_CONTRACTION = 4608;
/** The engine's compiler plans with 2 MiB per engine (751K M6 study: `L2Size`). */
export const ON_CHIP_BYTES = 2 * 2 ** 20;
/** Rows of surfaces start at multiples of this. fact: row_stride */
const ROW_BYTES = 64;

/** Two works, one after the other in one program. */
export function addWork(a: Work, b: Partial<Work>): Work {
  const sum = (key: keyof Work): number => a[key] + (b[key] ?? 0);
  return {
    flops: sum("flops"),
    longFlops: sum("longFlops"),
    weightBytes: sum("weightBytes"),
    surfaceBytes: sum("surfaceBytes"),
    elements: sum("elements"),
    reducedElements: sum("reducedElements"),
    movedBytes: sum("movedBytes"),
    spilledBytes: sum("spilledBytes"),
    ops: sum("ops"),
  };
}

/** Bytes of a surface: each row of the last axis rounded up to 64. */
export function surfaceBytes(shape: readonly number[], bytesPerElement: number): number {
  const row = (shape.at(-1) ?? 1) * bytesPerElement;
  const rows = elementCount(shape.slice(0, -1));
  return rows * Math.ceil(row / ROW_BYTES) * ROW_BYTES;
}

/** The flops of a product over a contraction of length `k`, counted where they belong. */
export function productWork(flops: number, k: number): Pick<Work, "flops" | "longFlops"> {
  return k > LONG_CONTRACTION ? { flops: 0, longFlops: flops } : { flops, longFlops: 0 };
}

/** The work of one run of a function; `main` or the first one if no name is given. */
export function workOf(program: MilProgram, name = "main"): Work {
  const views = viewsOf(program);
  const view =
    views.find((v) => v.f.name === name) ?? views[0] ?? bug("a program without functions");
  const weights = new Map<string, number>();
  let work: Work = { ...NO_WORK, surfaceBytes: portBytes(view.f, view) };
  for (const s of view.f.body) work = addWork(work, statementWork({ view, s }, weights));
  return addWork(work, { weightBytes: [...weights.values()].reduce((a, b) => a + b, 0) });
}

function portBytes(f: MilFunction, view: MilView): number {
  const types = [...f.inputs.map((i) => i.type), ...f.outputs.map((o) => view.types.get(o.name))];
  return types.reduce((sum, type) => {
    const tensor = tensorOf(type);
    return tensor === undefined ? sum : sum + surfaceBytes(tensor.shape, bytesOf(tensor));
  }, 0);
}

function bytesOf({ element }: Tensor): number {
  const bits = /\d+/.exec(element)?.[0];
  return bits === undefined ? 1 : Number(bits) / 8;
}

const FREE = new Set(["const", "reshape", "expand_dims", "squeeze", "identity", "cast"]);
const MOVES = new Set([
  "transpose",
  "concat",
  "split",
  "tile",
  "pad",
  "stack",
  "gather",
  "gather_along_axis",
  "slice_by_size",
  "slice_by_index",
  "reverse",
  "space_to_depth",
  "depth_to_space",
  "pixel_shuffle",
]);
const REDUCES =
  /^(reduce_|softmax$|layer_norm$|instance_norm$|batch_norm$|l2_norm$|avg_pool$|max_pool$)/;
const PRODUCTS = new Set(["matmul", "linear", "conv", "conv_transpose", "einsum"]);
/** What one task does behind its product without further cost (joshuaswarren/mil-hwx-compiler). */
const FOLDED_UNARY = new Set(["relu", "gelu", "silu", "sigmoid", "tanh", "leaky_relu", "relu6"]);

function statementWork(site: Site, weights: Map<string, number>): Partial<Work> {
  const { view, s } = site;
  if (FREE.has(s.op) || s.op.startsWith("constexpr_")) return {};
  const out = result(s);
  if (out === undefined) return {};
  const size = elementCount(out.shape);
  const bytes = size * bytesOf(out);
  const leaves = s.results.some((r) => view.outputs.has(r.name));
  const spilled = !leaves && bytes > ON_CHIP_BYTES ? 2 * bytes : 0;
  if (MOVES.has(s.op)) return { movedBytes: bytes, spilledBytes: spilled, ops: 1 };
  if (REDUCES.test(s.op)) {
    const read = elementCount(operand(site, "x")?.shape ?? out.shape);
    return { reducedElements: read, spilledBytes: spilled, ops: 1 };
  }
  if (PRODUCTS.has(s.op)) {
    const { flops, k } = productOf(site, out);
    for (const name of ["y", "weight"]) countWeight(site, name, weights);
    return { ...productWork(flops, k), spilledBytes: spilled, ops: 1 };
  }
  if (s.op === "scaled_dot_product_attention") {
    const q = operand(site, "query")?.shape ?? out.shape;
    const keys = operand(site, "key")?.shape.at(-2) ?? 1;
    const scores = elementCount(q.slice(0, -1)) * keys;
    return {
      flops: 4 * scores * (q.at(-1) ?? 1),
      reducedElements: scores,
      spilledBytes: spilled,
      ops: 3,
    };
  }
  if (isFolded(site)) return {};
  return { elements: size, spilledBytes: spilled, ops: 1 };
}

function countWeight(site: Site, name: string, weights: Map<string, number>): void {
  const value = argument(site.s, name)?.value;
  if (value === undefined || !isConstant(site.view, value)) return;
  const tensor = tensorAt(site.view, value);
  if (tensor === undefined) return;
  const key = value.kind === "name" ? value.name : `${weights.size}`;
  weights.set(key, elementCount(tensor.shape) * storedBytes(site, name, tensor));
}

/**
 * Bytes of an element as it is read. Weights below 8 bits stay small until the engine has them; those of
 * 8 bits are reported to save nothing on the M5 (sbryngelson/ANEForge compress_speedup_bench.json).
 */
function storedBytes({ view, s }: Site, name: string, tensor: Tensor): number {
  const value = argument(s, name)?.value;
  const made = value?.kind === "name" ? view.definitions.get(value.name) : undefined;
  if (made === undefined || made.op === "const") return bytesOf(tensor);
  for (const part of ["indices", "data", "quantized_data"]) {
    const stored = operand({ view, s: made }, part);
    if (stored !== undefined && bytesOf(stored) < 1) return bytesOf(stored);
  }
  return bytesOf(tensor);
}

function productOf(site: Site, out: Tensor): { readonly flops: number; readonly k: number } {
  const { s } = site;
  const size = elementCount(out.shape);
  const x = operand(site, "x")?.shape ?? [];
  let k = x.at(-1) ?? 1;
  if (s.op === "matmul" && int(site, "transpose_x", 0) !== 0) k = x.at(-2) ?? 1;
  if (s.op === "conv") k = elementCount(operand(site, "weight")?.shape.slice(1) ?? []);
  if (s.op === "conv_transpose") {
    const kernel = operand(site, "weight")?.shape ?? [];
    const stride = elementCount(ints(site, "strides") ?? []);
    k = ((kernel[0] ?? 1) * elementCount(kernel.slice(2))) / Math.max(1, stride);
  }
  return { flops: 2 * size * k, k };
}

/** An op on nothing but a product that nobody else reads: an activation, a scale or a bias. */
function isFolded({ view, s }: Site): boolean {
  const isScale = s.op === "mul" || s.op === "add" || s.op === "sub";
  if (!isScale && !FOLDED_UNARY.has(s.op)) return false;
  const operands = ["x", "y"].flatMap((name) => argument(s, name)?.value ?? []);
  const varying = operands.filter((value) => !isConstant(view, value));
  const only = varying.length === 1 ? varying[0] : undefined;
  if (only?.kind !== "name") return false;
  const isSmall = operands.every((value) => value === only || isPerChannel(view, value, only.name));
  const readers = view.users.get(only.name) ?? [];
  const made = producer(view, only.name);
  return isSmall && readers.length === 1 && made !== undefined && PRODUCTS.has(made.op);
}

/** Whether a constant has at most one element for each channel. */
function isPerChannel(
  view: MilView,
  value: Parameters<typeof tensorAt>[1],
  beside: string,
): boolean {
  const shape = tensorAt(view, value)?.shape ?? [];
  const other = tensorOf(view.types.get(beside))?.shape ?? [];
  return (
    shape.filter((n) => n > 1).length <= 1 && elementCount(shape) < Math.max(2, elementCount(other))
  );
}

function producer(view: MilView, name: string): Statement | undefined {
  return view.definitions.get(name);
}
