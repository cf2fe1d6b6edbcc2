/**
 * What an op is, and the helpers that make most ops a few lines.
 *
 * One file per op says everything about it: shape rule, meaning (`eval`), gradient (`vjp`), how the
 * host runs it, how MIL spells it, what it costs, and inputs to test it on. One line in `index.ts`
 * registers it; the conformance tests loop over that list.
 */
import type { Attrs, AttrValue, Node, OpSignature, Scope } from "../ir/node.ts";
import { makeNode } from "../ir/node.ts";
import { ShapeProblem } from "../ir/problem.ts";
import {
  type Dim,
  dim,
  elementCount,
  isFloat,
  namedOf,
  sameDim,
  type TensorType,
} from "../ir/types.ts";
import type { HostRule } from "./host.ts";
import type { MilRule } from "./mil.ts";
import type { Tensor } from "./tensor.ts";

/** A node, or a number that becomes a scalar constant. */
export type Arg = Node | number;

/** A shape to test an op on: `S:3,D:4` or `2,3`; integer operands give the bound of their values. */
export interface SampleInput {
  readonly shape: string;
  readonly below?: number;
}

export interface OpSample {
  readonly inputs: readonly (string | SampleInput)[];
  readonly attrs?: Attrs;
  /** Where this sample's values are drawn from, if not from the op's domain. */
  readonly domain?: readonly [low: number, high: number];
}

export interface OpDef extends OpSignature {
  readonly doc: string;
  /** The meaning, in float64. `out` is the type the shape rule gave. */
  eval(inputs: readonly Tensor[], attrs: Attrs, out: TensorType): Tensor;
  /** Gradients for the inputs given that of the output; null where there is none to pass on. */
  readonly vjp?: (node: Node, dy: Node) => readonly (Node | null)[];
  /** The same value from simpler ops, for targets without a kernel. */
  readonly decompose?: (node: Node) => Node;
  /** Name of the instruction of the fused elementwise host kernel. */
  readonly opcode?: string;
  readonly host?: HostRule;
  readonly mil?: MilRule;
  /** The same where every operand and the result have their last two axes swapped. */
  readonly milSwapped?: MilRule;
  /** Floating-point operations of one evaluation. */
  flops(inputs: readonly TensorType[], out: TensorType, attrs: Attrs): number;
  /** Where tests draw inputs from. */
  readonly domain: readonly [low: number, high: number];
  readonly samples: readonly OpSample[];
  /** Operands the language and the builder take; the rest are attributes. */
  readonly operands: readonly string[];
}

/** Everything of an `OpDef` that has no sensible default. */
export type OpSpec = Omit<OpDef, "flops" | "domain"> & Partial<Pick<OpDef, "flops" | "domain">>;

export function defineOp(spec: OpSpec): OpDef {
  return { flops: () => 0, domain: [-2, 2], ...spec };
}

export function opOf(node: Node): OpDef {
  return node.op as OpDef;
}

export function shapeFail(op: string, fault: ShapeProblem["fault"]): never {
  throw new ShapeProblem(op, fault);
}

export function needArity(op: string, inputs: readonly TensorType[], count: number): void {
  if (inputs.length !== count) {
    shapeFail(op, { kind: "arity", found: inputs.length, expected: String(count) });
  }
}

/** Operand `i`, which must have at least `rank` dimensions and floating-point elements. */
export function floatOperand(
  op: string,
  inputs: readonly TensorType[],
  i: number,
  rank = 0,
): TensorType {
  const type = inputs[i]!;
  if (!isFloat(type.dtype)) {
    shapeFail(op, { kind: "dtype", operand: i, type, needs: "floating-point numbers" });
  }
  if (type.shape.length < rank) {
    const needs = rank === 1 ? "at least 1 dimension" : `at least ${rank} dimensions`;
    shapeFail(op, { kind: "rank", operand: i, type, needs });
  }
  return type;
}

/** Operand `i`, which must hold integers. */
export function intOperand(op: string, inputs: readonly TensorType[], i: number): TensorType {
  const type = inputs[i]!;
  if (type.dtype !== "i32")
    shapeFail(op, { kind: "dtype", operand: i, type, needs: "integers (i32)" });
  return type;
}

/** `found`, a dimension of operand `i`, must be `expected`. */
export function needDim(
  op: string,
  inputs: readonly TensorType[],
  i: number,
  found: Dim,
  expected: Dim,
  what: string,
): void {
  if (sameDim(found, expected)) return;
  shapeFail(op, { kind: "dims", operand: i, type: inputs[i]!, found, expected, what });
}

export function attrNumber(attrs: Attrs, name: string): number {
  return attrs[name] as number;
}

export function attrDims(attrs: Attrs, name: string): readonly Dim[] {
  return attrs[name] as readonly Dim[];
}

/** Axis counted from the end when negative; must exist. */
export function axisOf(op: string, attrs: Attrs, rank: number, name = "axis"): number {
  const value = attrNumber(attrs, name);
  const axis = value < 0 ? value + rank : value;
  if (!Number.isInteger(value) || axis < 0 || axis >= rank) {
    const needs =
      rank === 0
        ? "a dimension to count; the operand has none"
        : `between ${-rank} and ${rank - 1}`;
    shapeFail(op, { kind: "attribute", name, value: String(value), needs });
  }
  return axis;
}

export const ONE: Dim = dim(null, 1);

/** The type two operands have together when trailing dimensions are aligned. */
export function broadcastType(op: string, x: TensorType, y: TensorType): TensorType {
  if (x.dtype !== y.dtype) {
    shapeFail(op, {
      kind: "dtype",
      operand: 1,
      type: y,
      needs: `${x.dtype}, like the other operand`,
    });
  }
  const rank = Math.max(x.shape.length, y.shape.length);
  const shape: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const a = x.shape[x.shape.length - rank + i] ?? ONE;
    const b = y.shape[y.shape.length - rank + i] ?? ONE;
    if (sameDim(a, b)) shape.push(namedOf(a, b));
    else if (a.size === 1) shape.push(b);
    else if (b.size === 1) shape.push(a);
    else shapeFail(op, { kind: "broadcast", x, y });
  }
  return { dtype: x.dtype, shape };
}

/** The scope of the first node among `args`. */
export function scopeOf(args: readonly Arg[]): Scope {
  for (const arg of args) if (typeof arg !== "number") return arg.scope;
  throw new TypeError("at least one operand must be a value of a graph");
}

/** Applies an op; numbers become constants of the element type of the first node. */
export function apply(op: OpDef, args: readonly Arg[], attrs: Attrs = {}): Node {
  const scope = scopeOf(args);
  const first = args.find((a): a is Node => typeof a !== "number" && isFloat(a.type.dtype));
  const dtype = first?.type.dtype ?? "f32";
  const inputs = args.map((a) =>
    typeof a === "number" ? makeNode(scope, constantOp, [], { value: a, dtype }) : a,
  );
  return makeNode(scope, op, inputs, attrs);
}

/** A scalar constant. Here, not in a file of its own, because every op can make one from a number. */
export const constantOp: OpDef = defineOp({
  name: "constant",
  doc: "a number that fits any shape by broadcasting",
  operands: [],
  shape: (_inputs, attrs) => ({ dtype: attrs["dtype"] as TensorType["dtype"], shape: [] }),
  eval: (_inputs, attrs) => ({ shape: [], data: Float64Array.of(attrNumber(attrs, "value")) }),
  samples: [{ inputs: [], attrs: { value: 0.5, dtype: "f32" } }],
});

export function constant(scope: Scope, value: number, dtype: TensorType["dtype"] = "f32"): Node {
  return makeNode(scope, constantOp, [], { value, dtype });
}

export function flopsPerElement(n: number): OpDef["flops"] {
  return (_inputs, out) => n * elementCount(out.shape);
}

export type { Attrs, AttrValue, Node, Tensor, TensorType };
