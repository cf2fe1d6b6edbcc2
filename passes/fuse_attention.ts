/**
 * Finds attention and makes it one op.
 *
 *     softmax((q @ kᵀ) · c [+ causal_mask]) @ v   ⇒   attention(q, k, v) {scale: c}
 *
 * Keys and values that are repeated for their query heads are read as they are: the op shares heads
 * itself.
 */
import { constantValue } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { bind, hole, p, type Rule, rule, withAttrs } from "../compiler/ir/pattern.ts";
import { attention } from "../compiler/ops/attention.ts";
import { type Pass, rulePass } from "./pass.ts";

const q = hole("q", (n) => n.type.shape.length === 3);
const k = hole("k", (n) => n.type.shape.length === 3);
const v = hole("v", (n) => n.type.shape.length === 3);
const c = hole("c", (n) => constantValue(n) !== undefined);
const mask = bind("mask", p("causal_mask"));

const product = bind("qk", withAttrs(p("matmul", q, k), { transpose_y: true }));
const scaled = p("mul", product, c);

/** The heads behind a repeat. */
function shared(node: Node): Node {
  return node.op.name === "repeat_heads" ? node.inputs[0]! : node;
}

function build(b: Readonly<Record<string, Node>>, matched: Node): Node | undefined {
  const isPlain =
    b["qk"]!.attrs["transpose_x"] !== true &&
    matched.attrs["transpose_x"] !== true &&
    matched.attrs["transpose_y"] !== true;
  if (!isPlain) return undefined;
  const [q, k, v] = [b["q"]!, shared(b["k"]!), shared(b["v"]!)];
  const sameHeads =
    k.type.shape[0]!.size === v.type.shape[0]!.size &&
    b["k"]!.type.shape[0]!.size === q.type.shape[0]!.size;
  const sameSize = v.type.shape[2]!.size === q.type.shape[2]!.size;
  if (!sameHeads || !sameSize || v.type.shape[1]!.size !== k.type.shape[1]!.size) return undefined;
  const m = b["mask"];
  if (m !== undefined && m.type.shape[0]!.size > m.type.shape[1]!.size) return undefined;
  const scale = b["c"] === undefined ? 1 : constantValue(b["c"])!;
  return attention(q, k, v, { scale, causal: m !== undefined });
}

export const fuseAttentionRules: readonly Rule[] = [
  rule(
    "softmax(q@kᵀ·c + mask) @ v = attention",
    p("matmul", p("softmax", p("add", scaled, mask)), v),
    build,
  ),
  rule(
    "softmax(q@kᵀ + mask) @ v = attention",
    p("matmul", p("softmax", p("add", product, mask)), v),
    build,
  ),
  rule("softmax(q@kᵀ·c) @ v = attention", p("matmul", p("softmax", scaled), v), build),
  rule("softmax(q@kᵀ) @ v = attention", p("matmul", p("softmax", product), v), build),
];

export const fuseAttention: Pass = rulePass({
  name: "fuse_attention",
  doc: "makes softmax(scale·q@kᵀ + mask) @ v one op",
  requires: ["canonical"],
  rules: fuseAttentionRules,
});
