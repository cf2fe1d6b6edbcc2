/**
 * Rotary position embedding of the last axis, by the position along the one before.
 *
 * For pair i of E/2 and position s the angle is φ = s · theta^(−2i/E), and
 *
 *     (a, b) → (a·cos φ − b·sin φ, a·sin φ + b·cos φ).
 *
 * `pairing: "interleaved"` pairs elements (2i, 2i+1), `"split"` pairs (i, i + E/2) as Hugging Face
 * models do. `inverse` turns the other way, which is also the gradient. A second operand, an i32
 * scalar, is the position of the first row; without it rows start at 0.
 */
import { elementCount, sizesOf } from "../ir/types.ts";
import { bug } from "../support/bug.ts";
import {
  type Attrs,
  apply,
  attrNumber,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { type HostEmitter, innerViews, type View } from "./host.ts";
import type { MilEmitter, MilValue } from "./mil.ts";
import { zeros } from "./tensor.ts";

export interface RopeOptions {
  readonly theta: number;
  readonly pairing?: "interleaved" | "split";
  readonly inverse?: boolean;
  /** i32 scalar: the position of the first row. */
  readonly position?: Node;
}

/** For E elements: the index of the partner of element `e`, the pair's number, and whether it is b. */
export function pairOf(attrs: Attrs, e: number, size: number) {
  if (attrs["pairing"] === "split") {
    const half = size / 2;
    return e < half
      ? { i: e, partner: e + half, isB: false }
      : { i: e - half, partner: e - half, isB: true };
  }
  return { i: e >> 1, partner: e ^ 1, isB: (e & 1) === 1 };
}

export function angleOf(attrs: Attrs, position: number, i: number, size: number): number {
  return position * attrNumber(attrs, "theta") ** ((-2 * i) / size);
}

export const ropeOp: OpDef = defineOp({
  name: "rope",
  doc: "rotary position embedding of the last axis by the position along the one before",
  operands: ["x"],
  shape: (inputs, attrs) => {
    if (inputs.length !== 1 && inputs.length !== 2) {
      shapeFail("rope", { kind: "arity", found: inputs.length, expected: "1 or 2" });
    }
    const x = floatOperand("rope", inputs, 0, 2);
    if (inputs.length === 2) intOperand("rope", inputs, 1);
    const last = x.shape[x.shape.length - 1]!;
    if (last.size % 2 !== 0) {
      shapeFail("rope", {
        kind: "rank",
        operand: 0,
        type: x,
        needs: `an even last dimension, not ${last.size}`,
      });
    }
    if (!(attrNumber(attrs, "theta") > 0)) {
      const value = String(attrs["theta"]);
      shapeFail("rope", { kind: "attribute", name: "theta", value, needs: "a number above 0" });
    }
    return x;
  },
  eval: ([x, start], attrs, out) => {
    const [s, e] = sizesOf(out.shape).slice(-2) as [number, number];
    const result = zeros(x!.shape);
    const first = start?.data[0] ?? 0;
    const turn = attrs["inverse"] === true ? -1 : 1;
    for (let at = 0; at < x!.data.length; at++) {
      const { i, partner, isB } = pairOf(attrs, at % e, e);
      const angle = turn * angleOf(attrs, first + (Math.floor(at / e) % s), i, e);
      const other = x!.data[at - (at % e) + partner]!;
      result.data[at] = x!.data[at]! * Math.cos(angle) + (isB ? other : -other) * Math.sin(angle);
    }
    return result;
  },
  vjp: (node, dy) => {
    const [, position] = node.inputs;
    const back = apply(ropeOp, position === undefined ? [dy] : [dy, position], {
      ...node.attrs,
      inverse: node.attrs["inverse"] !== true,
    });
    return position === undefined ? [back] : [back, null];
  },
  host: {
    stridedOutput: true,
    run: (host) => {
      const { attrs } = host.node;
      const position = host.node.inputs.length > 1 ? host.input(1) : null;
      for (const [x, output] of sameHeads(host)) {
        const [from, to] = [asHeads(x)!, asHeads(output)!];
        host.emit(
          "rope",
          [x, position, output],
          [
            ...[from.heads, from.rows, from.size, from.headStride, from.rowStride],
            ...[to.headStride, to.rowStride],
            ...[attrs["pairing"] === "split" ? 1 : 0, attrs["inverse"] === true ? 1 : 0, 0],
          ],
          [attrNumber(attrs, "theta")],
        );
      }
    },
  },
  mil: (m, [x]) => ropeMil(m, x!, false),
  milSwapped: (m, [x]) => ropeMil(m, x!, true),
  flops: (_inputs, out) => 3 * elementCount(out.shape),
  samples: [
    { inputs: ["H:2,S:3,E:4"], attrs: { theta: 10000 } },
    { inputs: ["H:2,S:3,E:4"], attrs: { theta: 10000, pairing: "split" } },
    { inputs: ["S:3,E:4", { shape: "", below: 5 }], attrs: { theta: 100, inverse: true } },
  ],
});

/** Operand and result in parts whose heads lie at one distance: all at once, or window by window. */
function sameHeads(host: HostEmitter): readonly (readonly [View, View])[] {
  const { output } = host;
  for (const read of [host.input, host.dense]) {
    const x = read(0);
    for (const rank of [x.shape.length, Math.min(3, x.shape.length)]) {
      const parts = innerViews(x, rank);
      const results = innerViews(output, rank);
      if ([...parts, ...results].every((v) => asHeads(v) !== undefined))
        return parts.map((part, i) => [part, results[i]!]);
    }
  }
  return bug("rows of a result lie together");
}

interface Turns {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Tables by what they depend on: every layer of a model has the same ones. */
const known = new Map<string, Turns>();
const KNOWN_MOST = 16;

/** Cosines and sines of all angles; `swapped` has the elements on the axis before the last. */
function turnsOf(attrs: Attrs, s: number, e: number, swapped: boolean): Turns {
  const key = JSON.stringify([attrs, s, e, swapped]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const [cos, sin] = [new Float64Array(s * e), new Float64Array(s * e)];
  const sign = attrs["inverse"] === true ? -1 : 1;
  for (let element = 0; element < e; element++) {
    const { i } = pairOf(attrs, element, e);
    const step = sign * angleOf(attrs, 1, i, e);
    for (let position = 0; position < s; position++) {
      const angle = position * step;
      const at = swapped ? element * s + position : position * e + element;
      cos[at] = Math.cos(angle);
      sin[at] = Math.sin(angle);
    }
  }
  if (known.size >= KNOWN_MOST) known.clear();
  known.set(key, { cos, sin });
  return { cos, sin };
}

/** x·cos + partner·sin; `swapped` has the elements on the axis before the last. */
function ropeMil(m: MilEmitter, x: MilValue, swapped: boolean): MilValue {
  const { attrs } = m.node;
  const [s, e] = sizesOf(m.node.type.shape).slice(-2) as [number, number];
  const { cos, sin } = turnsOf(attrs, s, e, swapped);
  // Partners swapped with the sign of −b: from pairs (…, 2) or halves, slice, negate, join.
  const isSplit = attrs["pairing"] === "split";
  const lead = x.shape.slice(0, -2);
  const grid = swapped ? [...lead, e / 2, 2, s] : [...lead, (s * e) / 2, 2];
  const pairs = isSplit ? x : m.call("reshape", { x, shape: { ints: grid } });
  const axis = pairs.shape.length - (swapped ? 2 : 1);
  const half = isSplit ? e / 2 : 1;
  const part = (from: number): MilValue =>
    m.call("slice_by_size", {
      x: pairs,
      begin: { ints: pairs.shape.map((_, i) => (i === axis ? from : 0)) },
      size: { ints: pairs.shape.map((d, i) => (i === axis ? half : d)) },
    });
  const [a, b] = [part(0), part(half)];
  const values = [m.call("mul", { x: b, y: -1 }), a];
  const joined = m.call("concat", { values, axis, interleave: false });
  const turned = isSplit ? joined : m.call("reshape", { x: joined, shape: { ints: x.shape } });
  const shape = swapped ? [e, s] : [s, e];
  return m.call("add", {
    x: m.call("mul", { x, y: m.table(shape, cos, "rope_cos") }),
    y: m.call("mul", { x: turned, y: m.table(shape, sin, "rope_sin") }),
  });
}

interface Heads {
  readonly heads: number;
  readonly rows: number;
  readonly size: number;
  readonly headStride: number;
  readonly rowStride: number;
}

/** A view as heads of rows whose elements are neighbours; all axes before the last two as one. */
export function asHeads(view: {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}): Heads | undefined {
  const rank = view.shape.length;
  const [rows, size] = [view.shape[rank - 2]!, view.shape[rank - 1]!];
  if (view.strides[rank - 1] !== 1 && size !== 1) return undefined;
  let heads = 1;
  let headStride = 0;
  for (let i = rank - 3; i >= 0; i--) {
    if (view.shape[i] === 1) continue;
    if (heads === 1) headStride = view.strides[i]!;
    else if (view.strides[i] !== headStride * heads) return undefined;
    heads *= view.shape[i]!;
  }
  return { heads, rows, size, headStride, rowStride: view.strides[rank - 2]! };
}

export function rope(
  x: Node,
  { theta, pairing = "interleaved", inverse = false, position }: RopeOptions,
): Node {
  const attrs: Record<string, number | string | boolean> = { theta };
  if (pairing === "split") attrs["pairing"] = pairing;
  if (inverse) attrs["inverse"] = true;
  return apply(ropeOp, position === undefined ? [x] : [x, position], attrs);
}
