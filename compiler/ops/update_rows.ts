/**
 * A cache with new rows written at a position; every other row as it was.
 *
 *     cache [K, C, E], rows [K, N, E], position i32[] → [K, C, E]
 *
 * On a device the cache is state and is updated in place.
 */
import { sizesOf } from "../ir/types.ts";
import { headOperand } from "./attention.ts";
import {
  apply,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
} from "./define.ts";

export const updateRowsOp: OpDef = defineOp({
  name: "update_rows",
  doc: "a cache with new rows written at `position`",
  operands: ["cache", "rows", "position"],
  shape: (inputs) => {
    const name = "update_rows";
    needArity(name, inputs, 3);
    const cache = floatOperand(name, inputs, 0, 3);
    const rows = floatOperand(name, inputs, 1, 3);
    intOperand(name, inputs, 2);
    needDim(name, inputs, 1, rows.shape[0]!, cache.shape[0]!, "the number of heads");
    needDim(name, inputs, 1, rows.shape[2]!, cache.shape[2]!, "the head size");
    return cache;
  },
  eval: ([cache, rows, position]) => {
    const [K, C, E] = cache!.shape as [number, number, number];
    const N = rows!.shape[1]!;
    const data = cache!.data.slice();
    for (let k = 0; k < K; k++) {
      const from = rows!.data.subarray(k * N * E, (k + 1) * N * E);
      data.set(from, (k * C + position!.data[0]!) * E);
    }
    return { shape: cache!.shape, data };
  },
  host: {
    updates: true,
    run: (host) => {
      const [K, C, E] = host.output.shape as [number, number, number];
      const rows = headOperand(host, 1);
      const N = sizesOf(host.node.inputs[1]!.type.shape)[1]!;
      host.emit(
        "update_rows",
        [host.output, rows.view, host.input(2)],
        [K, C, N, E, ...rows.strides],
      );
    },
  },
  samples: [{ inputs: ["K:2,C:6,E:3", "K:2,N:2,E:3", { shape: "", below: 4 }] }],
});

export function updateRows(cache: Node, rows: Node, position: Node): Node {
  return apply(updateRowsOp, [cache, rows, position]);
}
