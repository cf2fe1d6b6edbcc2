/**
 * From a model over S tokens, the model over the next N tokens of a stream, with caches.
 *
 *     tokens i32[S] → out [S, V]
 *  ⇒  tokens i32[N], position i32[], cache.k.0 [K, C, E], … → out [N, V], cache.k.0, …
 *
 * Works for every model in which tokens meet only in causal attention: all other ops act on each
 * token alone, so the sequence dimension can be cut anywhere. Keys and values of earlier tokens come
 * from caches of C rows, which the graph returns with the new rows written. The language says nothing
 * of caches; they follow from the graph.
 */

import {
  type Graph,
  isInput,
  isParam,
  leafName,
  makeGraph,
  nodesOf,
} from "../compiler/ir/graph.ts";
import {
  type Attrs,
  type AttrValue,
  makeNode,
  type Node,
  newScope,
  originOf,
  withOrigin,
} from "../compiler/ir/node.ts";
import { type Dim, dim, type Factor, type TensorType } from "../compiler/ir/types.ts";
import { attentionCached } from "../compiler/ops/attention_cached.ts";
import { attrNumber } from "../compiler/ops/define.ts";
import { input } from "../compiler/ops/input.ts";
import { updateRows } from "../compiler/ops/update_rows.ts";
import { invariant } from "../compiler/support/bug.ts";
import { isElementwise } from "./elementwise_clusters.ts";

export interface DecodeOptions {
  /** Tokens per run. */
  readonly tokens: number;
  /** Rows of the caches: the longest context. */
  readonly context: number;
}

/** A decode graph, or why there is none. */
export type Decode = { readonly graph: Graph } | { readonly refused: string };

export function cacheName(output: string): boolean {
  return output.startsWith("cache.");
}

export function deriveDecode(graph: Graph, { tokens, context }: DecodeOptions): Decode {
  const ids = graph.inputs[0];
  if (graph.inputs.length !== 1 || ids?.type.dtype !== "i32" || ids.type.shape.length !== 1) {
    return { refused: `\`${graph.name}\` does not take one row of token ids` };
  }
  const sequence = ids.type.shape[0]!.factors;
  const [S] = sequence;
  if (sequence.length !== 1 || S?.name == null)
    return { refused: "the sequence dimension has no name" };
  const isS = (d: Dim) => d.factors.some((f) => f.name === S.name);
  for (const node of nodesOf(graph)) {
    const fault = mixesTokens(node, isS);
    if (fault !== undefined) return { refused: fault };
  }
  return { graph: derive(graph, ids, S, tokens, context) };
}

/** Why an op lets tokens meet other than by causal attention, if it does. */
function mixesTokens(node: Node, isS: (d: Dim) => boolean): string | undefined {
  const { op, inputs, attrs, type } = node;
  const last = (t: TensorType) => t.shape[t.shape.length - 1];
  const refuse = () => `\`${op.name}\` combines different tokens`;
  if (isElementwise(node)) return undefined;
  switch (op.name) {
    case "input":
    case "constant":
    case "embedding":
    case "reshape":
    case "transpose":
    case "broadcast":
    case "repeat_heads":
    case "swiglu":
      return undefined;
    case "param":
      return type.shape.some(isS) ? "a parameter has the sequence dimension" : undefined;
    case "rms_norm":
    case "softmax":
      return isS(last(inputs[0]!.type)!) ? refuse() : undefined;
    case "rope": {
      const rows = type.shape[type.shape.length - 2]!;
      return inputs.length === 1 && isS(rows) && rows.factors.length === 1 ? undefined : refuse();
    }
    case "attention": {
      const isOwn = inputs.every((x) => isS(x.type.shape[1]!));
      return attrs["causal"] === true && isOwn ? undefined : refuse();
    }
    case "matmul": {
      const x = inputs[0]!.type.shape;
      const k = attrs["transpose_x"] === true ? x[x.length - 2]! : x[x.length - 1]!;
      return isS(k) || inputs[1]!.type.shape.some(isS) ? refuse() : undefined;
    }
    case "slice":
    case "pad":
      return isS(type.shape[attrNumber(attrs, "axis")]!) ||
        isS(inputs[0]!.type.shape[attrNumber(attrs, "axis")]!)
        ? refuse()
        : undefined;
    case "join":
      return inputs.some((x) => isS(x.type.shape[attrNumber(attrs, "axis")]!))
        ? refuse()
        : undefined;
    case "reduce_sum":
    case "reduce_mean":
    case "reduce_max": {
      const axes = attrs["axes"] as readonly number[];
      return axes.some((axis) => isS(inputs[0]!.type.shape[axis]!)) ? refuse() : undefined;
    }
    default:
      return `\`${op.name}\` is not known to keep tokens apart`;
  }
}

function derive(graph: Graph, ids: Node, S: Factor, tokens: number, context: number): Graph {
  const scope = newScope();
  const swap = (d: Dim): Dim => {
    if (!d.factors.some((f) => f.name === S.name)) return d;
    const factors = d.factors.map((f) => (f.name === S.name ? { name: "N", size: tokens } : f));
    return { factors, size: factors.reduce((n, f) => n * f.size, 1) };
  };
  const isShape = (v: AttrValue): v is readonly Dim[] =>
    Array.isArray(v) && typeof v[0] === "object";
  const swapAttrs = (attrs: Attrs): Attrs =>
    Object.fromEntries(Object.entries(attrs).map(([k, v]) => [k, isShape(v) ? v.map(swap) : v]));

  const inputs = [
    input(scope, leafName(ids), { dtype: "i32", shape: [dim("N", tokens)] }),
    input(scope, "position", { dtype: "i32", shape: [] }),
  ];
  const position = inputs[1]!;
  const made = new Map<Node, Node>([[ids, inputs[0]!]]);
  const outputs: { name: string; node: Node }[] = [];
  const C = dim("C", context);

  /** The cache of one attention's keys or values, with the new rows in it. */
  const cached = (kind: "k" | "v", index: number, rows: Node): Node => {
    const [heads, , size] = rows.type.shape;
    const name = `cache.${kind}.${index}`;
    const cache = input(scope, name, { dtype: rows.type.dtype, shape: [heads!, C, size!] });
    inputs.push(cache);
    const updated = updateRows(cache, rows, position);
    outputs.push({ name, node: updated });
    return updated;
  };

  let attentions = 0;
  for (const node of nodesOf(graph)) {
    if (made.has(node)) continue;
    invariant(!isInput(node), `decode of ${graph.name} met a second input`);
    const [a, b, c] = node.inputs.map((x) => made.get(x)!);
    const next = withOrigin(scope, { ...originOf(node), pass: "derive_decode" }, () => {
      if (node.op.name === "rope") return makeNode(scope, node.op, [a!, position], node.attrs);
      if (node.op.name === "attention") {
        const index = attentions;
        attentions += 1;
        const [k, v] = [cached("k", index, b!), cached("v", index, c!)];
        return attentionCached(a!, k, v, position, attrNumber(node.attrs, "scale"));
      }
      return makeNode(
        scope,
        node.op,
        node.inputs.map((x) => made.get(x)!),
        swapAttrs(node.attrs),
      );
    });
    made.set(node, next);
  }
  const results = graph.outputs.map((o) => ({ name: o.name, node: made.get(o.node)! }));
  const params = graph.params.map(
    (param) => made.get(param) ?? makeNode(scope, param.op, [], param.attrs),
  );
  invariant(params.every(isParam), "decode keeps the parameters");
  return makeGraph({
    name: `${graph.name}_decode`,
    inputs,
    params,
    outputs: [...results, ...outputs],
    scope,
  });
}
