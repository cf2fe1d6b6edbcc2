/** swiglu(gate, up) = silu(gate) · up: the middle of a Llama feed-forward block. */
import { elementCount } from "../ir/types.ts";
import {
  apply,
  broadcastType,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  type OpDef,
} from "./define.ts";
import { unbroadcast } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { silu } from "./silu.ts";

export const swigluOp: OpDef = defineOp({
  name: "swiglu",
  doc: "silu(gate) · up",
  operands: ["gate", "up"],
  shape: (inputs) => {
    needArity("swiglu", inputs, 2);
    return broadcastType(
      "swiglu",
      floatOperand("swiglu", inputs, 0),
      floatOperand("swiglu", inputs, 1),
    );
  },
  eval: ([gate, up], _attrs, out) => {
    const g = gate!.data.map((x) => x / (1 + Math.exp(-x)));
    return mul.op.eval([{ shape: gate!.shape, data: g }, up!], {}, out);
  },
  vjp: (node, dy) => {
    const [gate, up] = [node.inputs[0]!, node.inputs[1]!];
    const y = silu(gate);
    const dGate = silu.op.vjp!(y, mul(dy, up))[0]!;
    return [unbroadcast(dGate, gate.type), unbroadcast(mul(dy, y), up.type)];
  },
  decompose: (node) => mul(silu(node.inputs[0]!), node.inputs[1]!),
  flops: (_inputs, out) => 6 * elementCount(out.shape),
  domain: [-4, 4],
  samples: [{ inputs: ["S:3,F:4", "S:3,F:4"] }],
});

export function swiglu(gate: Node, up: Node): Node {
  return apply(swigluOp, [gate, up]);
}
