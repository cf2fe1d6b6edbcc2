/** Ops that work on each element: what `silu.ts` and its like are made with. */
import { elementCount, sizesOf, type TensorType } from "../ir/types.ts";
import {
  type Arg,
  apply,
  broadcastType,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  type OpDef,
} from "./define.ts";
import type { MilRule } from "./mil.ts";
import { reduceSum } from "./reduce_sum.ts";
import { reshape } from "./reshape.ts";
import { broadcastStrides, forEachOffset, zeros } from "./tensor.ts";

export interface Unary {
  (x: Node): Node;
  readonly op: OpDef;
}

export interface Binary {
  (x: Arg, y: Arg): Node;
  readonly op: OpDef;
}

export interface UnarySpec {
  readonly doc: string;
  readonly eval: (x: number) => number;
  /** dx from the input, the result and the gradient of the result; null for a function with none. */
  readonly grad: ((x: Node, y: Node, dy: Node) => Node) | null;
  readonly decompose?: (x: Node) => Node;
  readonly flops: number;
  readonly domain: readonly [number, number];
  readonly mil?: MilRule;
}

/** A function of one operand; the host instruction has the op's name. */
export function elementwise(name: string, spec: UnarySpec): Unary {
  const { decompose, grad } = spec;
  const op = defineOp({
    name,
    doc: spec.doc,
    operands: ["x"],
    shape: (inputs) => {
      needArity(name, inputs, 1);
      return floatOperand(name, inputs, 0);
    },
    eval: ([x]) => ({ shape: x!.shape, data: x!.data.map(spec.eval) }),
    vjp: (node, dy) => [grad === null ? null : grad(node.inputs[0]!, node, dy)],
    ...(decompose === undefined ? {} : { decompose: (node: Node) => decompose(node.inputs[0]!) }),
    opcode: name,
    ...(spec.mil === undefined ? {} : { mil: spec.mil, milSwapped: spec.mil }),
    flops: (_inputs, out) => spec.flops * elementCount(out.shape),
    domain: spec.domain,
    samples: [{ inputs: ["S:3,D:4"] }, { inputs: ["7"] }, { inputs: [""] }],
  });
  return Object.assign((x: Node) => apply(op, [x]), { op });
}

export interface BinarySpec {
  readonly doc: string;
  readonly eval: (x: number, y: number) => number;
  /** Gradients for both operands, before broadcasting is undone; null where there is none. */
  readonly grad: (x: Node, y: Node, z: Node, dz: Node) => readonly [Node | null, Node | null];
  readonly domain: readonly [number, number];
  readonly mil?: string | MilRule;
  /** Host instruction, if it is not called like the op. */
  readonly opcode?: string;
}

/** A function of two operands with broadcasting. */
export function binary(name: string, spec: BinarySpec): Binary {
  const { mil } = spec;
  const op = defineOp({
    name,
    doc: spec.doc,
    operands: ["x", "y"],
    shape: (inputs) => {
      needArity(name, inputs, 2);
      return broadcastType(name, floatOperand(name, inputs, 0), floatOperand(name, inputs, 1));
    },
    eval: ([x, y], _attrs, out) => {
      const result = zeros(sizesOf(out.shape));
      forEachOffset(result.shape, broadcastStrides(x!.shape, result.shape), (i, at) => {
        result.data[i] = x!.data[at]!;
      });
      forEachOffset(result.shape, broadcastStrides(y!.shape, result.shape), (i, at) => {
        result.data[i] = spec.eval(result.data[i]!, y!.data[at]!);
      });
      return result;
    },
    vjp: (node, dz) => {
      const [x, y] = [node.inputs[0]!, node.inputs[1]!];
      const [dx, dy] = spec.grad(x, y, node, dz);
      return [dx && unbroadcast(dx, x.type), dy && unbroadcast(dy, y.type)];
    },
    opcode: spec.opcode ?? name,
    ...(mil === undefined
      ? {}
      : inBothLayouts(
          typeof mil === "string" ? (m, [x, y]) => m.call(mil, { x: x!, y: y! }) : mil,
        )),
    flops: (_inputs, out) => elementCount(out.shape),
    domain: spec.domain,
    samples: [
      { inputs: ["S:3,D:4", "S:3,D:4"] },
      { inputs: ["S:3,D:4", "D:4"] },
      { inputs: ["", "S:3,D:4"] },
      { inputs: ["S:3,1", "2,S:3,D:4"] },
    ],
  });
  return Object.assign((x: Arg, y: Arg) => apply(op, [x, y]), { op });
}

/** A rule that does not ask which axis is which. */
export function inBothLayouts(rule: MilRule): {
  readonly mil: MilRule;
  readonly milSwapped: MilRule;
} {
  return { mil: rule, milSwapped: rule };
}

/** The adjoint of broadcasting: sums a gradient back to the shape of the operand it belongs to. */
export function unbroadcast(gradient: Node, type: TensorType): Node {
  const lead = gradient.type.shape.length - type.shape.length;
  const axes: number[] = [];
  for (const [i, d] of gradient.type.shape.entries()) {
    const own = type.shape[i - lead];
    if (own === undefined || (own.size === 1 && d.size !== 1)) axes.push(i);
  }
  const summed = axes.length === 0 ? gradient : reduceSum(gradient, { axes, keep: true });
  return summed.type.shape.length === type.shape.length ? summed : reshape(summed, type.shape);
}
