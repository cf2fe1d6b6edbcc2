/**
 * Attention of new queries over a cache, for generating token by token.
 *
 *     q [H, N, E], k and v [K, C, E], position i32[] → [H, N, E]
 *
 * Query n stands at `position + n` and sees the cache rows up to and including its own.
 */
import { sizesOf } from "../ir/types.ts";
import { headOperand, headStrides } from "./attention.ts";
import { probabilities, weighted } from "./attention_math.ts";
import {
  apply,
  attrNumber,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
  shapeFail,
} from "./define.ts";

export const attentionCachedOp: OpDef = defineOp({
  name: "attention_cached",
  doc: "attention of new queries over the filled rows of a cache",
  operands: ["q", "k", "v", "position"],
  shape: (inputs) => {
    const name = "attention_cached";
    needArity(name, inputs, 4);
    const q = floatOperand(name, inputs, 0, 3);
    const k = floatOperand(name, inputs, 1, 3);
    const v = floatOperand(name, inputs, 2, 3);
    intOperand(name, inputs, 3);
    needDim(name, inputs, 1, k.shape[2]!, q.shape[2]!, "the head size");
    for (const [i, d] of v.shape.entries())
      needDim(name, inputs, 2, d, k.shape[i]!, `dimension ${i}`);
    if (q.shape[0]!.size % k.shape[0]!.size !== 0) {
      shapeFail(name, { kind: "share", from: k.shape[0]!, to: q.shape[0]! });
    }
    return q;
  },
  eval: ([q, k, v, position], attrs) => {
    const first = position!.data[0]!;
    return weighted(
      probabilities(q!, k!, attrNumber(attrs, "scale"), (n) => first + n + 1),
      v!,
    );
  },
  host: {
    stridedOutput: true,
    run: (host) => {
      const operands = [0, 1, 2].map((i) => headOperand(host, i));
      const [H, N, E] = host.output.shape as [number, number, number];
      const [K, C] = operands[1]!.view.shape as [number, number];
      host.emit(
        "attention_cached",
        [...operands.map((o) => o.view), host.input(3), host.output],
        [H, K, N, C, E, ...operands.flatMap((o) => o.strides), ...headStrides(host.output)],
        [attrNumber(host.node.attrs, "scale")],
      );
    },
  },
  flops: (inputs) => {
    const [H, N, E] = sizesOf(inputs[0]!.shape) as [number, number, number];
    return 4 * H * N * inputs[1]!.shape[1]!.size * E;
  },
  samples: [
    {
      inputs: ["H:4,N:2,E:2", "K:2,C:6,E:2", "K:2,C:6,E:2", { shape: "", below: 4 }],
      attrs: { scale: 0.5 },
    },
  ],
});

export function attentionCached(q: Node, k: Node, v: Node, position: Node, scale: number): Node {
  return apply(attentionCachedOp, [q, k, v, position], { scale });
}
