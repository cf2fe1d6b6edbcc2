/**
 * Turns the loss of one window into the losses of several, computed side by side.
 *
 *     tokens [S]            ⇒   tokens [N, S]
 *     x @ w   [S, F]        ⇒   x @ w   [N, S, F]: one product of N·S rows
 *     attention [H, S, E]   ⇒   attention [N, H, S, E]: no window sees another
 *     loss []               ⇒   losses [N], and loss = Σ losses, which is what is differentiated
 *
 * Every value that depends on an input gets a first axis of N; parameters and constants stay as they
 * are. The gradient of a weight is then one product over N·S rows instead of N products over S: the
 * same sum. An op without a rule below is computed window by window, and the results are joined.
 */
import { type Graph, leafName, nodesOf, remake } from "../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { type Dim, dim, productDim } from "../compiler/ir/types.ts";
import { broadcast } from "../compiler/ops/broadcast.ts";
import { attrDims, attrNumber, ONE, opOf } from "../compiler/ops/define.ts";
import { input } from "../compiler/ops/input.ts";
import { join } from "../compiler/ops/join.ts";
import { reduceSum } from "../compiler/ops/reduce_sum.ts";
import { reshape } from "../compiler/ops/reshape.ts";
import { slice } from "../compiler/ops/slice.ts";
import { definePass, type Pass } from "./pass.ts";

/** The output that holds the loss of each window, [N]. */
export const LOSSES = "losses";

/** An operand: with its axis of windows, or the same for all of them. */
interface Operand {
  readonly value: Node;
  readonly isBatched: boolean;
}

interface Batching {
  /** The op as it is for one window. */
  readonly node: Node;
  readonly operands: readonly Operand[];
  readonly windows: Dim;
}

/** The op on all windows at once; undefined where it has to be done one by one. */
type Rule = (batching: Batching) => Node | undefined;

const RULES: Readonly<Record<string, Rule>> = {
  swiglu: aligned,
  matmul: aligned,
  softmax: onlyFirst,
  rms_norm: onlyFirst,
  rope: onlyFirst,
  embedding: ({ node, operands }) =>
    operands[0]!.isBatched ? undefined : withInputs(node, valuesOf(operands)),
  attention: (b) =>
    withInputs(
      b.node,
      b.operands.map((x) => lifted(x, b.windows)),
    ),
  cross_entropy: (b) =>
    withInputs(
      b.node,
      b.operands.map((x) => lifted(x, b.windows)),
      {
        lead: 1 + ((b.node.attrs["lead"] as number | undefined) ?? 0),
      },
    ),
  reduce_max: shiftedAxes,
  reduce_mean: shiftedAxes,
  reduce_sum: shiftedAxes,
  slice: shiftedAxis,
  pad: shiftedAxis,
  join: shiftedAxis,
  transpose: ({ node, operands }) => {
    const perm = node.attrs["perm"] as readonly number[];
    return withInputs(node, valuesOf(operands), { perm: [0, ...perm.map((axis) => axis + 1)] });
  },
  reshape: ({ node, operands, windows }) =>
    reshape(operands[0]!.value, [windows, ...attrDims(node.attrs, "shape")]),
  broadcast: ({ node, operands, windows }) => {
    const shape = attrDims(node.attrs, "shape");
    return broadcast(withRank(operands[0]!.value, shape.length), [windows, ...shape]);
  },
  repeat_heads: foldedHeads,
};

/** Ops that align trailing axes: the axis of windows goes before the longest operand's axes. */
function aligned({ node, operands }: Batching): Node {
  const rank = node.type.shape.length;
  const values = operands.map((x) => (x.isBatched ? withRank(x.value, rank) : x.value));
  return withInputs(node, values);
}

/** Ops whose first operand may have any axes before those they work on, and the others may not. */
function onlyFirst({ node, operands }: Batching): Node | undefined {
  const [, ...others] = operands;
  return others.some((x) => x.isBatched) ? undefined : withInputs(node, valuesOf(operands));
}

function shiftedAxes({ node, operands }: Batching): Node {
  const axes = (node.attrs["axes"] as readonly number[]).map(shifted);
  return withInputs(node, valuesOf(operands), { axes });
}

function shiftedAxis({ node, operands, windows }: Batching): Node {
  const values = operands.map((x) => lifted(x, windows));
  return withInputs(node, values, { axis: shifted(attrNumber(node.attrs, "axis")) });
}

/** Axes are counted from the end when negative. */
function shifted(axis: number): number {
  return axis < 0 ? axis : axis + 1;
}

/** Groups of consecutive heads stay groups when the heads of all windows follow one another. */
function foldedHeads({ node, operands, windows }: Batching): Node {
  const [from, ...rest] = node.inputs[0]!.type.shape as readonly [Dim, ...Dim[]];
  const [heads] = attrDims(node.attrs, "heads") as readonly [Dim];
  const folded = reshape(operands[0]!.value, [productDim([windows, from]), ...rest]);
  const repeated = withInputs(node, [folded], { heads: [productDim([windows, heads])] });
  return reshape(repeated, [windows, heads, ...rest]);
}

/** Window by window: what every op can. */
function oneByOne({ node, operands, windows }: Batching): Node {
  const results = Array.from({ length: windows.size }, (_, i) => {
    const inputs = operands.map((x, at) => {
      if (!x.isBatched) return x.value;
      const window = slice(x.value, { axis: 0, from: i, to: i + 1 });
      return reshape(window, node.inputs[at]!.type.shape);
    });
    return reshape(remake(node, inputs), [ONE, ...node.type.shape]);
  });
  return reshape(join(results, { axis: 0 }), [windows, ...node.type.shape]);
}

function valuesOf(operands: readonly Operand[]): Node[] {
  return operands.map((x) => x.value);
}

function lifted({ value, isBatched }: Operand, windows: Dim): Node {
  return isBatched ? value : broadcast(value, [windows, ...value.type.shape]);
}

/** [N, …] with axes of 1 after the first, so that `rank` axes follow it. */
function withRank(value: Node, rank: number): Node {
  const [windows, ...own] = value.type.shape as readonly [Dim, ...Dim[]];
  const ones = Array.from({ length: rank - own.length }, () => ONE);
  return ones.length === 0 ? value : reshape(value, [windows, ...ones, ...own]);
}

function withInputs(node: Node, inputs: readonly Node[], attrs: Node["attrs"] = {}): Node {
  return makeNode(node.scope, node.op, inputs, { ...node.attrs, ...attrs });
}

function ruleOf(node: Node): Rule | undefined {
  return opOf(node).opcode === undefined ? RULES[node.op.name] : aligned;
}

/**
 * The graph of `count` windows: inputs [N, …], and in place of the first output, a scalar, the sum of
 * the windows' values. `losses` [N] is one more output, after it.
 */
function batchGraph(graph: Graph, count: number, matched: (what: Node) => void): Graph {
  const windows = dim(null, count);
  const batched = new Map<Node, Node>();
  for (const x of graph.inputs) {
    const type = { dtype: x.type.dtype, shape: [windows, ...x.type.shape] };
    batched.set(
      x,
      withOrigin(x.scope, originOf(x), () => input(x.scope, leafName(x), type)),
    );
  }
  for (const node of nodesOf(graph)) {
    if (!node.inputs.some((x) => batched.has(x))) continue;
    const operands = node.inputs.map((x) => {
      const value = batched.get(x);
      return { value: value ?? x, isBatched: value !== undefined };
    });
    const batching = { node, operands, windows };
    const made = withOrigin(
      node.scope,
      originOf(node),
      () => ruleOf(node)?.(batching) ?? oneByOne(batching),
    );
    batched.set(node, made);
    matched(node);
  }
  const whole = (x: Node): Node =>
    lifted({ value: batched.get(x) ?? x, isBatched: batched.has(x) }, windows);
  const [loss, ...others] = graph.outputs.map(({ name, node }) => ({ name, node: whole(node) }));
  const sum = reduceSum(loss!.node, { axes: [0] });
  return {
    ...graph,
    inputs: graph.inputs.map((x) => batched.get(x)!),
    outputs: [{ name: loss!.name, node: sum }, { name: LOSSES, node: loss!.node }, ...others],
  };
}

/** Computes `windows` windows at once; a single one is left as it is. */
export function batchBy(windows: number): Pass {
  return definePass({
    name: "batch",
    doc: "computes several windows at once: one product for the rows of all of them",
    requires: ["composite"],
    establishes: [],
    keeps: ["composite", "canonical"],
    idempotent: windows === 1,
    preserves: windows === 1,
    run: (graph, { matched }) => (windows === 1 ? graph : batchGraph(graph, windows, matched)),
  });
}

/** As it is listed; training asks for more windows. */
export const batch: Pass = batchBy(1);
