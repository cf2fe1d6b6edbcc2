/**
 * Graphs as text.
 *
 *     graph g(%x: f32[S:4, D:8]) -> f32[S:4, 2] {
 *       param @wk: f32[D:8, 2] {init: "uniform 0.35"}
 *       %1 = matmul(%x, @wk) : f32[S:4, 2]
 *       %2 = mul(%1, 0.5)    : f32[S:4, 2]
 *       return y = %2
 *     }
 *
 * The text does not depend on node ids, so equal graphs print equally, and it parses back.
 */
import { type Graph, leafName, nodesOf } from "./graph.ts";
import { type Attrs, attrText, type Node, numberText } from "./node.ts";
import { typeText } from "./types.ts";

/** `{axis: 1, from: 0}`, or nothing. */
function attrsText(attrs: Attrs, omit: readonly string[] = []): string {
  const keys = Object.keys(attrs)
    .filter((k) => !omit.includes(k))
    .sort();
  if (keys.length === 0) return "";
  return ` {${keys.map((k) => `${k}: ${attrText(attrs[k]!)}`).join(", ")}}`;
}

export function printGraph(graph: Graph): string {
  const names = new Map<Node, string>();
  for (const input of graph.inputs) names.set(input, `%${leafName(input)}`);
  for (const param of graph.params) names.set(param, `@${leafName(param)}`);

  const taken = new Set(graph.inputs.map((n) => leafName(n)));
  let next = 0;
  const rows: { left: string; type: string }[] = [];
  for (const node of nodesOf(graph)) {
    if (names.has(node)) continue;
    const isScalar = node.op.name === "constant" && node.type.dtype === "f32";
    if (isScalar) {
      names.set(node, numberText(node.attrs["value"] as number));
      continue;
    }
    do next += 1;
    while (taken.has(String(next)));
    names.set(node, `%${next}`);
    const operands = node.inputs.map((n) => names.get(n)!).join(", ");
    rows.push({
      left: `%${next} = ${node.op.name}(${operands})${attrsText(node.attrs)}`,
      type: typeText(node.type),
    });
  }

  const args = graph.inputs.map((n) => `%${leafName(n)}: ${typeText(n.type)}`).join(", ");
  const results = graph.outputs.map((o) => typeText(o.node.type)).join(", ");
  const out = [`graph ${graph.name}(${args}) -> ${results} {`];
  for (const p of graph.params) {
    out.push(
      `  param @${leafName(p)}: ${typeText(p.type)}${attrsText(p.attrs, ["name", "dtype", "shape"])}`,
    );
  }
  const width = Math.min(60, Math.max(0, ...rows.map((r) => r.left.length)));
  for (const row of rows) out.push(`  ${row.left.padEnd(width)} : ${row.type}`);
  const returned = graph.outputs.map((o, i) =>
    o.name === String(i) ? names.get(o.node)! : `${o.name} = ${names.get(o.node)!}`,
  );
  out.push(`  return ${returned.join(", ")}`, "}");
  return `${out.join("\n")}\n`;
}
