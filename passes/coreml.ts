/**
 * A whole graph as one MIL function for Core ML's public interface.
 *
 * Where the engine's programs want [1, C, 1, S] ports and packed weights, Core ML takes any shape: values keep
 * theirs, weights are constants of a weight file, ids come in as integers and rows of a table are gathered.
 * Only ops of the first ML programs (iOS 15, macOS 12) are used.
 */
import { constantValue, type Graph, leafName, nodesOf } from "../compiler/ir/graph.ts";
import { type Node, originOf } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { noCoremlOp } from "../compiler/messages/coreml.ts";
import type { MilVar } from "../compiler/mil/build.ts";
import { type MilBuilder, milFunction } from "../compiler/mil/build_ops.ts";
import type { ElementType, MilFunction } from "../compiler/mil/tree.ts";
import { opOf } from "../compiler/ops/define.ts";
import type { MilValue } from "../compiler/ops/mil.ts";
import type { Tensor } from "../compiler/ops/tensor.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { HALF_MAX } from "../compiler/support/half.ts";
import { argumentsOf, WEIGHT_PATH, weightFile } from "./ane/emit.ts";
import { decomposeForMil } from "./decompose.ts";
import { foldTransposes } from "./fold_transposes.ts";
import { runPasses } from "./pass.ts";
import { simplify } from "./simplify.ts";

export interface CoremlOptions {
  /** Values of parameters. */
  readonly values: (param: Node) => Tensor;
  /** What weights are stored and products computed in; fp32 leaves the engine out. Default fp16. */
  readonly precision?: "fp16" | "fp32";
}

export interface CoremlProgram {
  /** Ports have the graph's names and shapes: numbers are fp32 and ids int32; a scalar is [1]. */
  readonly fn: MilFunction;
  /** Undefined where the graph has no weights and no tables. */
  readonly weights: Uint8Array | undefined;
}

/** Everything Core ML can run runs from here on. */
const OPSET = "ios15";

/** Throws a `UserError` (E0450) for an op that MIL cannot express. */
export function lowerToCoreml(given: Graph, { values, precision }: CoremlOptions): CoremlProgram {
  const { graph } = runPasses(given, [simplify, foldTransposes, decomposeForMil, simplify]);
  const element = precision ?? "fp16";
  const file = weightFile();
  const portSizes = (node: Node): readonly number[] => {
    const sizes = sizesOf(node.type.shape);
    return sizes.length === 0 ? [1] : sizes;
  };
  const inputs = graph.inputs.map((node) => ({
    name: leafName(node),
    shape: portSizes(node),
    element: node.type.dtype === "i32" ? ("int32" as const) : ("fp32" as const),
  }));
  const fn = milFunction(
    "main",
    inputs,
    (b) => {
      const table = (shape: readonly number[], data: Float64Array, name: string): MilVar =>
        b.weight({ path: WEIGHT_PATH, offset: file.place(data, element) }, shape, {
          name,
          element,
        });
      const known = new Map<Node, MilVar>();
      for (const node of graph.inputs) known.set(node, inputOf(b, node, element));
      for (const node of nodesOf(graph)) {
        if (known.has(node)) continue;
        const operands = node.inputs.map((x) => known.get(x)!);
        known.set(node, lower({ b, node, operands, element, table, values }));
      }
      return Object.fromEntries(
        graph.outputs.map(({ name, node }) => {
          const value = known.get(node)!;
          const shaped = value.shape.length === 0 ? b.reshape(value, [1]) : value;
          return [name, b.cast(shaped, "fp32", { name })];
        }),
      );
    },
    { opset: OPSET },
  );
  return { fn, weights: file.bytes() };
}

function inputOf(b: MilBuilder, node: Node, element: ElementType): MilVar {
  const port = b.input(leafName(node));
  if (node.type.dtype === "i32") return port;
  const shaped = node.type.shape.length === 0 ? b.reshape(port, []) : port;
  return element === "fp32" ? shaped : b.cast(shaped, element);
}

interface Lowering {
  readonly b: MilBuilder;
  readonly node: Node;
  readonly operands: readonly MilVar[];
  readonly element: "fp16" | "fp32";
  readonly table: (shape: readonly number[], data: Float64Array, name: string) => MilVar;
  readonly values: (param: Node) => Tensor;
}

function lower({ b, node, operands, element, table, values }: Lowering): MilVar {
  const name = node.op.name;
  if (name === "param") {
    const { shape, data } = values(node);
    return table(shape, data, leafName(node));
  }
  const number = constantValue(node);
  if (number !== undefined) {
    // Large numbers stand for infinity in masks.
    const most = element === "fp16" ? HALF_MAX : Number.MAX_VALUE;
    return b.scalar(Math.max(-most, Math.min(most, number)), { element });
  }
  if (name === "embedding") {
    const [rows, indices] = operands as [MilVar, MilVar];
    return b.op("gather", { x: rows, indices, axis: 0 });
  }
  const rule = opOf(node).mil;
  if (rule === undefined) throw new UserError(noCoremlOp(originOf(node).span, name));
  const made: MilValue = rule(
    {
      node,
      outShape: sizesOf(node.type.shape),
      call: (op, args) => b.op(op, argumentsOf(args)),
      table: (shape, data, wish) => table(shape, data, wish),
    },
    operands,
  );
  return made as MilVar;
}
