/**
 * Arrangement by name: what `as`, `share` and `causal` mean.
 *
 *     [S, H*E] as [H, S, E]    reshape to [S, H, E], then transpose
 *     [H, S, E] as [S, H*E]    transpose to [S, H, E], then reshape
 */
import type { Node } from "../compiler/ir/node.ts";
import { ShapeProblem } from "../compiler/ir/problem.ts";
import { type Dim, type Factor, productDim } from "../compiler/ir/types.ts";
import { repeatHeads } from "../compiler/ops/repeat_heads.ts";
import { reshape } from "../compiler/ops/reshape.ts";
import { transpose } from "../compiler/ops/transpose.ts";

/** The factors of a shape in order; dimensions of 1 without a name carry nothing. */
function factorsOf(shape: readonly Dim[]): Factor[] {
  return shape.flatMap((d) => d.factors).filter((f) => f.name !== null || f.size !== 1);
}

const key = (f: Factor): string => (f.name === null ? String(f.size) : `${f.name}:${f.size}`);

/** What `from` has and `to` does not list, and the reverse, each as often as it differs. */
export function factorDifference(
  from: readonly Dim[],
  to: readonly Dim[],
): { readonly missing: string[]; readonly extra: string[] } {
  const extra = factorsOf(to);
  const missing: Factor[] = [];
  for (const factor of factorsOf(from)) {
    const i = extra.findIndex((f) => key(f) === key(factor));
    if (i >= 0) extra.splice(i, 1);
    else missing.push(factor);
  }
  const text = (f: Factor): string => (f.name === null ? `${f.size}` : `${f.name} ${f.size}`);
  return { missing: missing.map(text), extra: extra.map(text) };
}

/** For each factor of `to`, its place in `from`; undefined where they are not the same factors. */
function permutation(from: readonly Factor[], to: readonly Factor[]): number[] | undefined {
  const taken = new Set<number>();
  const perm: number[] = [];
  for (const factor of to) {
    const i = from.findIndex((f, j) => !taken.has(j) && key(f) === key(factor));
    if (i < 0) return undefined;
    taken.add(i);
    perm.push(i);
  }
  return perm.length === from.length ? perm : undefined;
}

/**
 * `x` arranged as `to`: the same factors, each as often, in any order and grouping.
 * @throws ShapeProblem where the factors differ.
 */
export function rearrange(x: Node, to: readonly Dim[]): Node {
  const factors = factorsOf(x.type.shape);
  const perm = permutation(factors, factorsOf(to));
  if (perm === undefined) throw new ShapeProblem("as", { kind: "reshape", from: x.type.shape, to });
  if (perm.every((axis, i) => axis === i)) return reshape(x, to);

  // Neighbours that stay neighbours move as one axis.
  const runs: number[][] = [];
  for (const axis of perm) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === axis - 1) run.push(axis);
    else runs.push([axis]);
  }
  const inOrder = [...runs].sort((a, b) => a[0]! - b[0]!);
  const apart = inOrder.map((run) =>
    productDim(run.map((axis) => ({ factors: [factors[axis]!], size: factors[axis]!.size }))),
  );
  const moved = transpose(
    reshape(x, apart),
    runs.map((run) => inOrder.indexOf(run)),
  );
  return reshape(moved, to);
}

/**
 * `x` [K, …] with each head repeated for its H/K consecutive query heads: [H, …].
 * @throws ShapeProblem where K does not divide H.
 */
export function share(x: Node, heads: Dim): Node {
  const from = x.type.shape[0];
  if (from?.size === heads.size) return reshape(x, [heads, ...x.type.shape.slice(1)]);
  return repeatHeads(x, heads);
}

/** `x` with the names of `to` where its own dimensions have none; the sizes are the same. */
export function named(x: Node, to: readonly Dim[]): Node {
  const isAnonymous = (d: Dim) => d.factors.every((f) => f.name === null);
  if (!x.type.shape.some((d, i) => isAnonymous(d) && !isAnonymous(to[i]!))) return x;
  return reshape(
    x,
    x.type.shape.map((d, i) => (isAnonymous(d) ? to[i]! : d)),
  );
}
