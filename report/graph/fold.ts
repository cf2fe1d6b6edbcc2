/**
 * Draws once what is there many times: of twelve equal layers one stays, marked ×12.
 *
 *     embed → block.0 → block.1 → block.2 → norm      ⇒      embed → block ×3 → norm
 *
 * Copies are equal if their nodes are, one by one: the same op and shape on corresponding operands. Copies
 * that differ are drawn for themselves. What one copy hands to another is no edge any more; both ends are
 * marked as carried.
 */
import type { GraphSource, SourceNode } from "./drawing.ts";

/** One box: a copy that stands for `indices`, all equal. */
export interface Group {
  readonly family: string;
  readonly indices: readonly string[];
}

export interface Folded {
  /** Nodes that are drawn, by their index in the source. */
  readonly kept: readonly number[];
  /** The box each kept node is in, an index of `groups`. */
  readonly groupOf: ReadonlyMap<number, number>;
  readonly groups: readonly Group[];
  /** Pairs of kept nodes, each once. */
  readonly edges: readonly (readonly [from: number, to: number])[];
  /** Pairs of kept nodes where a copy reads what another copy made. */
  readonly carried: readonly (readonly [from: number, to: number])[];
}

/** The source with equal copies folded into one. */
export function fold({ nodes }: GraphSource): Folded {
  const families = new Map<string, Map<string, number[]>>();
  for (const [i, { instance }] of nodes.entries()) {
    if (instance === undefined) continue;
    const copies = families.get(instance.family) ?? new Map<string, number[]>();
    families.set(instance.family, copies);
    copies.set(instance.index, [...(copies.get(instance.index) ?? []), i]);
  }
  const standsFor = [...nodes.keys()];
  const groups: Group[] = [];
  const groupOf = new Map<number, number>();
  for (const [family, copies] of families) {
    for (const equal of equalCopies(nodes, copies)) {
      const [first, ...others] = equal.map(({ members }) => members);
      for (const node of first!) groupOf.set(node, groups.length);
      for (const other of others)
        for (const [i, node] of other.entries()) standsFor[node] = first![i]!;
      groups.push({ family, indices: equal.map(({ index }) => index) });
    }
  }
  const edges = new Map<string, readonly [number, number]>();
  const carried = new Map<string, readonly [number, number]>();
  for (const [to, node] of nodes.entries()) {
    for (const from of node.inputs) {
      const pair = [standsFor[from]!, standsFor[to]!] as const;
      const isCarried =
        nodes[from]!.instance !== undefined &&
        node.instance !== undefined &&
        nodes[from]!.instance.index !== node.instance.index &&
        isFolded(pair[0], groupOf, groups) &&
        isFolded(pair[1], groupOf, groups);
      (isCarried ? carried : edges).set(pair.join(), pair);
    }
  }
  return {
    kept: [...nodes.keys()].filter((i) => standsFor[i] === i),
    groupOf,
    groups,
    edges: [...edges.values()],
    carried: [...carried.values()],
  };
}

function isFolded(
  node: number,
  groupOf: ReadonlyMap<number, number>,
  groups: readonly Group[],
): boolean {
  const group = groupOf.get(node);
  return group !== undefined && groups[group]!.indices.length > 1;
}

interface Copy {
  readonly index: string;
  /** In an order that corresponds between equal copies. */
  readonly members: readonly number[];
}

function equalCopies(
  nodes: readonly SourceNode[],
  copies: ReadonlyMap<string, readonly number[]>,
): Copy[][] {
  const numbers = new Map<string, number>();
  const bySignature = new Map<string, Copy[]>();
  for (const [index, members] of copies) {
    const keyOf = new Map<number, number>();
    for (const i of members) {
      const { label, detail, inputs } = nodes[i]!;
      const operands = inputs.map((x) => keyOf.get(x) ?? nodes[x]!.detail);
      const text = JSON.stringify([label, detail, operands]);
      if (!numbers.has(text)) numbers.set(text, numbers.size);
      keyOf.set(i, numbers.get(text)!);
    }
    const sorted = [...members].sort((a, b) => keyOf.get(a)! - keyOf.get(b)! || a - b);
    const signature = sorted.map((i) => keyOf.get(i)!).join();
    const equal = bySignature.get(signature);
    if (equal === undefined) bySignature.set(signature, [{ index, members: sorted }]);
    else equal.push({ index, members: sorted });
  }
  return [...bySignature.values()];
}
