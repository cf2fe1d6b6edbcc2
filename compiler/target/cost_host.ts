/** What steps of the host ask of it: products in operations, everything else in bytes. */
import type { Node } from "../ir/node.ts";
import { elementCount } from "../ir/types.ts";
import { opOf } from "../ops/define.ts";
import type { HostWork } from "./cost.ts";

const VIEWS = new Set(["reshape", "transpose", "repeat_heads", "slice", "broadcast"]);
/** Ops that read a table in part: as much as they make. */
const LOOKUPS = new Set(["embedding"]);
const FLOAT = 4;

const isProduct = ({ op }: Node): boolean =>
  op.name === "matmul" || op.name.startsWith("attention");

/** The work of steps that compute these nodes in fp32. */
export function hostWorkOf(nodes: readonly Node[]): Pick<HostWork, "flops" | "streamedBytes"> {
  let [flops, streamedBytes] = [0, 0];
  for (const node of nodes) {
    const types = node.inputs.map((x) => x.type);
    const made = elementCount(node.type.shape);
    if (isProduct(node)) flops += opOf(node).flops(types, node.type, node.attrs);
    else if (LOOKUPS.has(node.op.name)) streamedBytes += 2 * FLOAT * made;
    else if (!VIEWS.has(node.op.name)) {
      const read = types.reduce((n, t) => n + elementCount(t.shape), 0);
      streamedBytes += FLOAT * (read + made);
    }
  }
  return { flops, streamedBytes };
}
