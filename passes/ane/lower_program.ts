/**
 * Lowers one program to a MIL function.
 *
 * Values that lie as channels [C, S] stay so: a product with a weight becomes matmul(wᵀ, x), a norm
 * reduces the axis before the last, heads are split by one reshape. Nothing is transposed unless an
 * op cannot do without.
 */
import type { Place } from "../../compiler/bundle/manifest.ts";
import { constantValue, type Graph, leafName, nodesOf } from "../../compiler/ir/graph.ts";
import { type Node, originOf } from "../../compiler/ir/node.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { constantBeyondHalf } from "../../compiler/messages/range.ts";
import type { MilVar } from "../../compiler/mil/build.ts";
import { builderOn, type MilBuilder, milFunction } from "../../compiler/mil/build_ops.ts";
import type { MilFunction } from "../../compiler/mil/tree.ts";
import { opOf } from "../../compiler/ops/define.ts";
import type { MilEmitter, MilValue } from "../../compiler/ops/mil.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { bug } from "../../compiler/support/bug.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { HALF_MAX, roundToHalf } from "../../compiler/support/half.ts";
import { argumentsOf, WEIGHT_PATH, type WeightFile, weightFile } from "./emit.ts";
import { convolution, type Filters, filtersOf, type Table } from "./filters.ts";
import { type Layout, layoutOf, storedShape } from "./layouts.ts";
import { type Operand, type SplitK, splitProducts } from "./split_k.ts";
import { wideBuilder } from "./wide_builder.ts";

/** A port: its name, its shape, and the values on it by the name of the graph's input or output. */
export interface ProgramPort {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly { readonly value: string; readonly place: Place }[];
}

export interface LoweredProgram {
  readonly fn: MilFunction;
  /** Constants of the program, or undefined if it has none. */
  readonly weights: Uint8Array | undefined;
}

/** A value under construction: `stored` has the sizes of `storedShape`. */
interface Value {
  readonly stored: MilVar;
  readonly layout: Layout;
  readonly sizes: readonly number[];
}

export interface ProgramSource {
  /** Inputs are activations and weights by name; decomposed to ops that MIL has. */
  readonly graph: Graph;
  /** Names of inputs that are weights. */
  readonly weights: ReadonlySet<string>;
  readonly inputs: readonly ProgramPort[];
  readonly outputs: readonly ProgramPort[];
  /** Values of weights that are constants of the program, by name. */
  readonly baked?: ReadonlyMap<string, Tensor>;
  /** Products with baked weights are 1×1 convolutions, and matrices lie as [1, C, 1, S]. */
  readonly convolves?: boolean;
  /** How reductions over weights are cut into slices. Default: not at all. */
  readonly splitK?: SplitK;
  /** Tables and numbers in fp32: for tests that compare beyond the digits of fp16. */
  readonly exact?: boolean;
  /** Told of each statement that is no constant, in order: the node it was made for, none for ports. */
  readonly onStatement?: ((node: Node | undefined) => void) | undefined;
}

export function lowerProgram(source: ProgramSource): LoweredProgram {
  const file = weightFile();
  const specs = source.inputs.map(({ name, shape }) => ({ name, shape }));
  const fn = milFunction("main", specs, (given) => {
    /** The nodes that are being lowered, each for the one before it. */
    const open: Node[] = [];
    const told =
      source.onStatement === undefined ? given : telling(given, open, source.onStatement);
    const b = source.convolves === true ? wideBuilder(told) : told;
    const values = new Map<Node, Value>();
    const leaves = new Map(source.graph.inputs.map((n) => [leafName(n), n]));
    for (const [name, value] of source.baked ?? []) {
      const leaf = leaves.get(name);
      const sizes = value.shape;
      if (leaf === undefined) continue;
      const shape = sizes.length === 1 ? [...sizes, 1] : sizes;
      let stored: MilVar | undefined;
      values.set(leaf, {
        // As a matrix only if something reads it so.
        get stored() {
          stored ??= tableOf(b, file, source)(shape, value.data, name);
          return stored;
        },
        layout: sizes.length === 1 ? "channels" : "rows",
        sizes,
      });
    }
    for (const port of source.inputs) {
      for (const { value, place } of port.values) {
        const leaf = leaves.get(value);
        if (leaf === undefined) continue;
        values.set(leaf, unpack(b, port, value, place));
      }
    }
    const lowering = lowerer(b, values, source, file, open);
    for (const node of nodesOf(source.graph)) if (isStep(node, values)) lowering(node);
    return packOutputs(b, source, lowering);
  });
  return { fn, weights: file.bytes() };
}

/** The same builder; whoever listens hears for which node each statement is made. */
function telling(
  given: MilBuilder,
  open: readonly Node[],
  onStatement: (node: Node | undefined) => void,
): MilBuilder {
  const ops: MilBuilder["ops"] = (...args) => {
    const made = given.ops(...args);
    onStatement(open.at(-1));
    return made;
  };
  return builderOn({ ...given, ops, op: (...args) => ops(...args)[0]! });
}

/** Ops that others ask for when they need them are lowered then. */
function isStep(node: Node, values: ReadonlyMap<Node, Value>): boolean {
  return !values.has(node) && node.op.name === "matmul";
}

function unpack(b: MilBuilder, port: ProgramPort, name: string, place: Place): Value {
  const whole = b.input(port.name);
  const [, height, , width] = port.shape as readonly [number, number, number, number];
  const parts = place.blocks.map(({ row, column, rows, columns }) =>
    rows === height && columns === width
      ? whole
      : b.sliceBySize(whole, [0, row, 0, column], [1, rows, 1, columns]),
  );
  const joined = parts.length === 1 ? parts[0]! : b.concat(parts, 1);
  const stored = storedShape(place.sizes, place.layout);
  const isVector = place.sizes.length === 1 && place.layout === "rows";
  return {
    stored: b.reshape(joined, isVector ? [place.sizes[0]!, 1] : stored, { name }),
    layout: isVector ? "channels" : place.layout,
    sizes: place.sizes,
  };
}

function packOutputs(
  b: MilBuilder,
  { graph, outputs }: ProgramSource,
  lower: (node: Node) => Value,
): Record<string, MilVar> {
  const nodes = new Map(graph.outputs.map((o) => [o.name, o.node]));
  const results: Record<string, MilVar> = {};
  for (const { name, shape, values } of outputs) {
    const width = shape[3]!;
    const isAlone = values.length === 1;
    const parts = values.map(({ value, place }) => {
      const { rows, columns } = place.blocks[0]!;
      const stored = inLayout(b, lower(nodes.get(value)!), place.layout).stored;
      const isLast = isAlone && columns === width;
      const flat = b.reshape(stored, [1, rows, 1, columns], { name: isLast ? name : value });
      return columns === width ? flat : padded(b, flat, width - columns, isAlone ? name : value);
    });
    results[name] = isAlone ? parts[0]! : b.concat(parts, 1, { name });
  }
  return results;
}

function padded(b: MilBuilder, x: MilVar, columns: number, name: string): MilVar {
  return b.op(
    "pad",
    { x, pad: [0, 0, 0, 0, 0, 0, 0, columns], mode: "constant", constant_val: 0 },
    { name },
  );
}

function inLayout(b: MilBuilder, value: Value, layout: Layout): Value {
  if (value.layout === layout || value.sizes.length === 0) return value;
  const { sizes } = value;
  if (sizes.length === 1) {
    const shape = storedShape(sizes, layout);
    return { ...value, layout, stored: b.reshape(value.stored, shape) };
  }
  const rank = sizes.length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  return { ...value, layout, stored: b.transpose(value.stored, perm) };
}

const SWAP = JSON.stringify([1, 0, 2]);
const isSwap = (node: Node): boolean =>
  node.op.name === "transpose" && JSON.stringify(node.attrs["perm"]) === SWAP;

function tableOf(b: MilBuilder, file: WeightFile, { exact }: ProgramSource): Table {
  return (shape, data, name) => {
    if (!exact) return b.weight({ path: WEIGHT_PATH, offset: file.place(data) }, shape, { name });
    const whole = b.weight({ path: WEIGHT_PATH, offset: file.place(data, "fp32") }, shape, {
      name,
      element: "fp32",
    });
    return b.cast(whole, "fp16");
  };
}

function lowerer(
  b: MilBuilder,
  values: Map<Node, Value>,
  source: ProgramSource,
  file: WeightFile,
  open: Node[],
): (node: Node) => Value {
  const table = tableOf(b, file, source);
  const filters: Filters =
    source.convolves === true ? filtersOf(source.baked ?? new Map(), table) : () => undefined;
  const multiply = splitProducts(b, source.splitK ?? { parts: 1, lastAxis: true });
  const layouts = new Map<Node, Layout>();
  for (const [node, value] of values)
    if (!source.weights.has(leafName(node))) layouts.set(node, value.layout);
  const isFixed = (node: Node): boolean => values.has(node) && !layouts.has(node);

  const value = (node: Node): Value => {
    const known = values.get(node);
    if (known !== undefined) return known;
    open.push(node);
    const made = lower(node);
    open.pop();
    values.set(node, made);
    if (node.op.name !== "causal_mask" && constantValue(node) === undefined)
      layouts.set(node, made.layout);
    return made;
  };

  const lower = (node: Node): Value => {
    const sizes = sizesOf(node.type.shape);
    const number = constantValue(node);
    if (number !== undefined) {
      const value = scalarOf(node, number);
      const stored = source.exact
        ? b.cast(b.scalar(value, { element: "fp32" }), "fp16")
        : b.scalar(value);
      return { stored, layout: "channels", sizes };
    }
    if (node.op.name === "matmul") return product(node);
    const view = asHeads(node, sizes);
    if (view !== undefined) return view;
    const inputs = node.inputs.map(value);
    const wanted = layoutOf(node, layouts, isFixed);
    const { milSwapped } = opOf(node);
    const isSwapped = wanted === "channels" && milSwapped !== undefined && inputs.length > 0;
    const layout = isSwapped && keepsLastAxes(node) ? "channels" : "rows";
    const rule = layout === "channels" ? milSwapped! : opOf(node).mil;
    if (rule === undefined) bug(`op ${node.op.name} has no MIL rule`);
    const operands = inputs.map((x) => inLayout(b, x, layout).stored);
    const emitter: MilEmitter = {
      node,
      outShape: storedShape(sizes, layout),
      call: (op, args) => asValue(b.op(op, argumentsOf(args))),
      table: (shape, data, name) => asValue(table(shape, data, name)),
    };
    return { stored: asVar(rule(emitter, operands)), layout, sizes };
  };

  const product = (node: Node): Value => {
    const filter = filters(node);
    if (filter !== undefined) {
      const x = inLayout(b, value(node.inputs[0]!), "channels");
      const stored = convolution(b, x.stored, filter);
      return { stored, layout: "channels", sizes: sizesOf(node.type.shape) };
    }
    const [x, y] = [value(node.inputs[0]!), value(node.inputs[1]!)];
    const layout = layoutOf(node, layouts, isFixed);
    // Whether an operand, as it is stored, has to be read with its axes swapped.
    const tx = (node.attrs["transpose_x"] === true) !== (x.layout === "channels");
    const ty = (node.attrs["transpose_y"] === true) !== (y.layout === "channels");
    const [left, right] = [
      { stored: x.stored, isSwapped: tx, isWeight: isFixed(node.inputs[0]!) },
      { stored: y.stored, isSwapped: ty, isWeight: isFixed(node.inputs[1]!) },
    ];
    const turned = (o: Operand): Operand => ({ ...o, isSwapped: !o.isSwapped });
    const stored =
      layout === "rows" ? multiply(left, right) : multiply(turned(right), turned(left));
    return { stored, layout, sizes: sizesOf(node.type.shape) };
  };

  /** Heads split from channels or merged into them, which moves nothing in the layout `channels`. */
  const asHeads = (node: Node, sizes: readonly number[]): Value | undefined => {
    const inner = node.inputs[0];
    if (inner === undefined) return undefined;
    const isSplit =
      isSwap(node) && inner.op.name === "reshape" && !values.has(inner) && isMerged(inner);
    const isMerge = node.op.name === "reshape" && isSwap(inner) && !values.has(inner);
    if (node.op.name === "reshape" && keepsLastTwo(node)) {
      const x = value(inner);
      return { ...x, sizes, stored: b.reshape(x.stored, storedShape(sizes, x.layout)) };
    }
    if (!isSplit && !isMerge) return undefined;
    if (isMerge && !(sizes.length === 2 && sizes[0] === inner.type.shape[0]!.size))
      return undefined;
    const x = value(inner.inputs[0]!);
    if (x.layout !== "channels") return undefined;
    return {
      layout: "channels",
      sizes,
      stored: b.reshape(x.stored, storedShape(sizes, "channels")),
    };
  };
  return value;
}

/** [S, C] → [S, H, E] */
function isMerged(node: Node): boolean {
  const [from, to] = [node.inputs[0]!.type.shape, node.type.shape];
  return from.length === 2 && to.length === 3 && from[0]!.size === to[0]!.size;
}

function keepsLastTwo(node: Node): boolean {
  const [from, to] = [sizesOf(node.inputs[0]!.type.shape), sizesOf(node.type.shape)];
  return (
    from.length >= 2 && to.length >= 2 && from.at(-1) === to.at(-1) && from.at(-2) === to.at(-2)
  );
}

/** Whether the last two axes of the result are those of the operands. */
function keepsLastAxes(node: Node): boolean {
  const rank = node.type.shape.length;
  if (rank < 1) return false;
  return node.inputs.every((x) => x.type.shape.length <= rank);
}

/** The largest fp16 number stands for infinities, which the engine does not add reliably. */
function scalarOf(node: Node, value: number): number {
  if (Number.isFinite(value) && !Number.isFinite(roundToHalf(value))) {
    throw new UserError(constantBeyondHalf(value, originOf(node).span));
  }
  return Number.isFinite(value) ? value : Math.sign(value) * HALF_MAX;
}

/** A MIL variable is what ops know as an opaque value. */
function asValue(v: MilVar): MilValue {
  return v;
}

function asVar(v: MilValue): MilVar {
  return v as MilVar;
}
