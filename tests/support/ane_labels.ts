/**
 * Names of the values of a training step as the published tables call them: `q`, `h1`, `d.w1` (the gradient
 * at the product with w1), `probs`. A value repeated for the heads of its group has a star: `k*`.
 */
import { isParam, leafName, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { AnePlan } from "../../passes/ane/compile.ts";
import { weightOf } from "../../passes/ane/roles.ts";

export function labelsOf({ graph, roles }: AnePlan): (node: Node) => string {
  const labels = new Map<Node, string>();
  const users = new Map<Node, Node[]>();
  const set = (node: Node | undefined, name: string): void => {
    if (node !== undefined && !labels.has(node)) labels.set(node, name);
  };
  for (const node of nodesOf(graph)) {
    for (const x of node.inputs) users.set(x, [...(users.get(x) ?? []), node]);
    if (isParam(node)) set(node, leafName(node).split(".").at(-1)!);
    const role = roles.roleOf.get(node);
    const weight = weightOf(node, roles.weights);
    if (node.op.name === "attention") {
      for (const [i, name] of ["q", "k", "v"].entries()) set(node.inputs[i], name);
      set(node, "attn");
    } else if (node.op.name === "swiglu") {
      set(node.inputs[0], "h1");
      set(node.inputs[1], "h3");
      set(node, "gate");
    } else if (weight !== undefined && isParam(weight) && !roles.forward.has(node)) {
      set(node.inputs[0], `d.${leafName(weight).split(".").at(-1)!}`);
    }
    if (role === "d_repeat") {
      const isRepeated = node.op.name === "repeat_heads";
      set(node, `${labels.get(node.inputs[0]!)}${isRepeated ? "*" : ""}`);
    }
    if (role === "d_values" && node.op.name === "softmax") set(node, "probs");
    if (role === "d_out") set(node, "dgate");
    if (role === "o") set(node, "o");
    if (role === "norm" && node.op.name === "rms_norm") set(node, "xn");
    if (role === "between") set(node, node.op.name === "rms_norm" ? "x2n" : "x2");
    if (role === "residual" && node.op.name === "add") set(node, "x_next");
    if (role === "d_in") labels.set(node, "dx2n");
    if (role === "d_q" || role === "d_kv" || role === "d_qkv") labels.set(node, `dxn ${role}`);
    if (role === "d_values" && node.op.name === "matmul" && node.attrs["transpose_y"] === true)
      set(node, "dp");
  }
  const seen = new Set<Node>();
  /** Views, sums over groups and rotations keep the name of what they lead to. */
  const label = (node: Node): string | undefined => {
    const known = labels.get(node);
    if (known !== undefined || seen.has(node)) return known;
    seen.add(node);
    const role = roles.roleOf.get(node);
    const direct = role === "attention" ? "attn" : role === "d_context" ? "da" : undefined;
    if (direct !== undefined) {
      labels.set(node, direct);
      return direct;
    }
    for (const user of users.get(node) ?? []) {
      const isSame = ["reshape", "transpose", "rope", "sum_heads"].includes(user.op.name);
      const name = isSame ? label(user) : undefined;
      if (name !== undefined) {
        labels.set(node, name);
        return name;
      }
    }
    return undefined;
  };
  return (node) => label(node) ?? `${node.op.name} (${roles.roleOf.get(node) ?? "no role"})`;
}
