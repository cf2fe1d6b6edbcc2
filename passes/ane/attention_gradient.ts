/**
 * Spells out the gradient of attention for the engine, in one of two ways.
 *
 * `stored`: as the earlier systems do it, in two programs. The first computes the probabilities P, dP =
 * dA·Vᵀ and dV = Pᵀ·dA; the second dS = P·(dP − Σ P·dP) and from it dQ and dK. P and dP, of size [H, S, S],
 * pass from one to the other.
 *
 * `recomputed`: each program computes P again, and the row sum is δ = Σ dA·A over the head's elements,
 * which equals Σ P·dP: nothing of size [S, S] leaves a program.
 *
 * `whole` leaves it as it is, for the host.
 */
import { type Graph, mapNodes, nodesOf, remake } from "../../compiler/ir/graph.ts";
import { type Node, originOf, withOrigin } from "../../compiler/ir/node.ts";
import type { Dim } from "../../compiler/ir/types.ts";
import { add } from "../../compiler/ops/add.ts";
import { attentionOp, withFoldedWindows } from "../../compiler/ops/attention.ts";
import { causalMask } from "../../compiler/ops/causal_mask.ts";
import { apply, attrNumber } from "../../compiler/ops/define.ts";
import { matmul } from "../../compiler/ops/matmul.ts";
import { mul } from "../../compiler/ops/mul.ts";
import { reduceSum } from "../../compiler/ops/reduce_sum.ts";
import { repeatHeads, sumHeads } from "../../compiler/ops/repeat_heads.ts";
import { reshape } from "../../compiler/ops/reshape.ts";
import { softmax, softmaxGrad } from "../../compiler/ops/softmax.ts";
import { sub } from "../../compiler/ops/sub.ts";
import type { Role } from "./roles.ts";

const MEMBERS = ["attention_grad_q", "attention_grad_k", "attention_grad_v"];

export interface Spelled {
  readonly graph: Graph;
  /** Roles of nodes that cannot be told from where they stand. */
  readonly hints: ReadonlyMap<Node, Role>;
}

export function spellAttentionGradients(
  graph: Graph,
  how: "stored" | "recomputed" | "whole",
): Spelled {
  if (how === "whole") return { graph, hints: new Map() };
  const replacements = new Map<Node, Node>();
  const hints = new Map<Node, Role>();
  for (const node of nodesOf(graph)) {
    if (!MEMBERS.includes(node.op.name)) continue;
    const spell = how === "stored" ? stored : recomputed;
    const spelled = (): Node => withFoldedWindows(node, (one) => spell(one, marker(one, hints)));
    replacements.set(node, withOrigin(node.scope, originOf(node), spelled));
  }
  const result = mapNodes(graph, (node, inputs) => {
    const replacement = replacements.get(node);
    if (replacement !== undefined && replacement !== node) return replacement;
    if (inputs.every((x, i) => x === node.inputs[i])) return node;
    // What is made again, because something below it was replaced, keeps its role.
    const again = remake(node, inputs);
    const role = hints.get(node);
    if (role !== undefined) hints.set(again, role);
    return again;
  });
  return { graph: result, hints };
}

/** Heads repeated for their queries, or only renamed where there are as many. */
function repeated(x: Node, heads: Dim): Node {
  return x.type.shape[0]!.size === heads.size
    ? reshape(x, [heads, ...x.type.shape.slice(1)])
    : repeatHeads(x, heads);
}

function summed(x: Node, heads: Dim): Node {
  return x.type.shape[0]!.size === heads.size
    ? reshape(x, [heads, ...x.type.shape.slice(1)])
    : sumHeads(x, heads);
}

function scoresOf(node: Node, q: Node, keys: Node): Node {
  const z = mul(matmul(q, keys, { transpose_y: true }), attrNumber(node.attrs, "scale"));
  const [s, t] = [q.type.shape[1]!, keys.type.shape[1]!];
  return softmax(node.attrs["causal"] === true ? add(z, causalMask(q.scope, s, t)) : z);
}

/** Makes a value and gives what it is made of, down to what was there before, a role. */
type Mark = (role: Role, make: () => Node) => Node;

function marker(node: Node, hints: Map<Node, Role>): Mark {
  const given = new Set<Node>(node.inputs);
  return (role, make) => {
    const made = withOrigin(node.scope, originOf(node), make);
    const stack = [made];
    for (let x = stack.pop(); x !== undefined; x = stack.pop()) {
      if (given.has(x) || x.inputs.length === 0 || x.op.name === "attention") continue;
      given.add(x);
      // The scores may be nodes of the source, which have their own origin.
      hints.set(x, role);
      stack.push(...x.inputs);
    }
    return made;
  };
}

function recomputed(node: Node, mark: Mark): Node {
  return node.op.name === MEMBERS[2] ? node : mark("d_scores", () => withRowSums(node));
}

function withRowSums(node: Node): Node {
  const [q, k, v, dy] = node.inputs as readonly [Node, Node, Node, Node];
  const heads = q.type.shape[0]!;
  const keys = repeated(k, heads);
  const p = scoresOf(node, q, keys);
  const dp = matmul(dy, repeated(v, heads), { transpose_y: true });
  const delta = reduceSum(mul(dy, apply(attentionOp, [q, k, v], node.attrs)), { keep: true });
  const dz = mul(mul(p, sub(dp, delta)), attrNumber(node.attrs, "scale"));
  return node.op.name === MEMBERS[0]
    ? matmul(dz, keys)
    : summed(matmul(dz, q, { transpose_x: true }), k.type.shape[0]!);
}

function stored(node: Node, mark: Mark): Node {
  const [q, k, v, dy] = node.inputs as readonly [Node, Node, Node, Node];
  const [heads, groups] = [q.type.shape[0]!, k.type.shape[0]!];
  const keys = mark("d_repeat", () => repeated(k, heads));
  const values = mark("d_repeat", () => repeated(v, heads));
  const p = mark("d_values", () => scoresOf(node, q, keys));
  const sumOf = (role: "d_values" | "d_scores", make: () => Node): Node => {
    const whole = mark(role, make);
    return mark(role === "d_values" ? "d_sum_v" : "d_sum_k", () => summed(whole, groups));
  };
  if (node.op.name === MEMBERS[2])
    return sumOf("d_values", () => matmul(p, dy, { transpose_x: true }));
  const dp = mark("d_values", () => matmul(dy, values, { transpose_y: true }));
  const scale = attrNumber(node.attrs, "scale");
  const dz = mark("d_scores", () => mul(softmaxGrad(p, dp), scale));
  return node.op.name === MEMBERS[0]
    ? mark("d_scores", () => matmul(dz, keys))
    : sumOf("d_scores", () => matmul(dz, q, { transpose_x: true }));
}
