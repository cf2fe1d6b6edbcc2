/**
 * The classifier and its cross entropy in tiles of the table, so that neither logits nor one-hots are ever
 * whole.
 *
 * With x [S, D], a tile E_t of at most 8,192 rows and z = cap(x·Eᵀ), where cap is what works on each logit:
 *
 *     z_t = cap(x·E_tᵀ),  m_t = max z_t,  e_t = exp(z_t − m_t),  s_t = Σ e_t
 *     g_t = e_t · cap′,   u_t = g_t·E_t
 *
 * is one program. The host puts tiles together and takes the target's logit as a product of two rows:
 *
 *     M = max m_t,  s = Σ s_t·exp(m_t − M),  z* = cap(x · E[target])
 *     loss = mean(M + log s − z*)
 *     c_t = exp(m_t − M) / s · dloss/S
 *     dx = Σ c_t·u_t − cap′(z*)·dloss/S · E[target]
 *     dE = [c_t·g_t]ᵀ·x − rows of targets: cap′(z*)·dloss/S · x
 *
 * g is returned, not computed again: its 2·V·S bytes pass in a tenth of the time in which the host would
 * do the 2·V·S·D operations of the product a second time, and the loss and the gradient see the same
 * numbers. Sums of at most 8,192 numbers up to 1 stay below 32,768, where the engine's sums end.
 */
import { gradientsOf } from "../compiler/autodiff/differentiate.ts";
import {
  constantValue,
  type Graph,
  isInput,
  nodesOf,
  rebuild,
  remake,
  topological,
  usersOf,
} from "../compiler/ir/graph.ts";
import { type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { sameShape } from "../compiler/ir/types.ts";
import { add } from "../compiler/ops/add.ts";
import { opOf } from "../compiler/ops/define.ts";
import { div } from "../compiler/ops/div.ts";
import { embedding, embeddingGrad } from "../compiler/ops/embedding.ts";
import { exp } from "../compiler/ops/exp.ts";
import { join } from "../compiler/ops/join.ts";
import { log } from "../compiler/ops/log.ts";
import { matmul } from "../compiler/ops/matmul.ts";
import { maximum } from "../compiler/ops/maximum.ts";
import { mul } from "../compiler/ops/mul.ts";
import { reduceMax } from "../compiler/ops/reduce_max.ts";
import { reduceMean } from "../compiler/ops/reduce_mean.ts";
import { reduceSum } from "../compiler/ops/reduce_sum.ts";
import { slice } from "../compiler/ops/slice.ts";
import { sub } from "../compiler/ops/sub.ts";
import { swapLastTwo } from "../compiler/ops/transpose.ts";
import { definePass, type Pass } from "./pass.ts";

/** Most rows of the table in one tile. */
export const TILE_ROWS = 8192;

const MARK = "classifier_tile ";

/** First row of the tile that a node was made for; nodes that were there before say nothing. */
export function tileOf(node: Node): number | undefined {
  const mark = originOf(node).pass;
  return mark?.startsWith(MARK) ? Number(mark.slice(MARK.length).split(" ")[0]) : undefined;
}

/** A loss over logits that one product with a table makes. */
interface Classifier {
  readonly loss: Node;
  /** x·W or x·Wᵀ, [S, V] */
  readonly logits: Node;
  readonly x: Node;
  readonly table: Node;
  /** Whether the table is [V, D]. */
  readonly hasRows: boolean;
  readonly targets: Node;
  /** What stands between the product and the loss, the product included. */
  readonly cap: ReadonlySet<Node>;
  /** Undefined where no gradient is asked for. */
  readonly gradient: Gradient | undefined;
}

interface Gradient {
  readonly seed: Node;
  /** Products of the logits' gradient with the table, and with x. */
  readonly ofX: readonly Node[];
  readonly ofTable: readonly Node[];
}

/** One element by one, and nothing but constants beside it. */
function capOf(top: Node): ReadonlySet<Node> | undefined {
  const found = new Set<Node>();
  const products = new Set<Node>();
  const stack = [top];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    if (node.op.name === "matmul") {
      products.add(node);
      continue;
    }
    if (opOf(node).opcode === undefined || !sameShape(node.type.shape, top.type.shape))
      return undefined;
    stack.push(...node.inputs.filter((x) => constantValue(x) === undefined));
  }
  return products.size === 1 ? found : undefined;
}

function classifierOf(loss: Node, nodes: readonly Node[]): Classifier | undefined {
  const [top, targets] = [loss.inputs[0]!, loss.inputs[1]!];
  const cap = capOf(top);
  const logits = cap && [...cap].find((n) => n.op.name === "matmul");
  if (cap === undefined || logits === undefined || logits.type.shape.length !== 2) return undefined;
  const [x, table] = [logits.inputs[0]!, logits.inputs[1]!];
  const isPlain = logits.attrs["transpose_x"] !== true && table.type.shape.length === 2;
  if (!isPlain || topological([table]).some(isInput)) return undefined;
  const hasRows = logits.attrs["transpose_y"] === true;
  const found = { loss, logits, x, table, hasRows, targets, cap };
  const seeds = nodes.filter(
    (n) => n.op.name === "cross_entropy_grad" && n.inputs[0] === top && n.inputs[1] === targets,
  );
  if (seeds.length === 0) return { ...found, gradient: undefined };
  const gradient = seeds.length === 1 ? gradientOf(seeds[0]!, found, nodes) : undefined;
  return gradient && { ...found, gradient };
}

/** The products that read the logits' gradient, where those are its only readers. */
function gradientOf(
  seed: Node,
  { x, table, cap }: Omit<Classifier, "gradient">,
  nodes: readonly Node[],
): Gradient | undefined {
  const users = usersOf(nodes);
  const inside = new Set<Node>([seed]);
  const products = new Set<Node>();
  const own = new Set(cap);
  // What the slope of `cap` is made of depends on logits and constants alone.
  for (const node of nodes) {
    const isElement = opOf(node).opcode !== undefined && node.inputs.length > 0;
    if (!isElement || own.has(node)) continue;
    const isKnown = (y: Node): boolean => own.has(y) || constantValue(y) !== undefined;
    if (node.inputs.some((y) => own.has(y)) && node.inputs.every(isKnown)) own.add(node);
  }
  for (const node of inside) {
    for (const user of users.get(node) ?? []) {
      if (user.op.name === "matmul") products.add(user);
      else if (opOf(user).opcode === undefined) return undefined;
      else inside.add(user);
    }
    const isChain = (y: Node): boolean =>
      inside.has(y) || own.has(y) || constantValue(y) !== undefined;
    if (node !== seed && !node.inputs.every(isChain)) return undefined;
  }
  const last = new Set([...products].flatMap((p) => p.inputs.filter((y) => inside.has(y))));
  if (last.size !== 1) return undefined;
  const ofX: Node[] = [];
  const ofTable: Node[] = [];
  for (const product of products) {
    const [a, b] = [product.inputs[0]!, product.inputs[1]!];
    const isFirst = last.has(a);
    const other = isFirst ? b : a;
    if (other === table && isFirst && product.attrs["transpose_x"] !== true) ofX.push(product);
    else if (other === x && other !== table) ofTable.push(product);
    else return undefined;
  }
  return { seed: seed.inputs[2]!, ofX, ofTable };
}

/** What a tile's program returns: columns [S, 1] but for u [S, D] and g [S, T]. */
interface Tile {
  readonly m: Node;
  readonly s: Node;
  readonly u: Node;
  readonly g: Node;
}

/** `cap` of other logits. */
function capped({ cap, loss }: Classifier, product: Node, logits: Node): Node {
  const made = new Map<Node, Node>([[product, logits]]);
  for (const node of topological([loss.inputs[0]!])) {
    if (!cap.has(node) || made.has(node)) continue;
    made.set(
      node,
      remake(
        node,
        node.inputs.map((x) => made.get(x) ?? x),
      ),
    );
  }
  return made.get(loss.inputs[0]!)!;
}

/** dz/dl by element; undefined for 1. */
function slopeOf(top: Node, logits: Node): Node | undefined {
  if (top === logits) return undefined;
  return gradientsOf(reduceSum(top, { axes: [0, 1] }), [logits])[0]!;
}

function tileAt(c: Classifier, from: number, to: number): Tile {
  const rows = slice(c.table, { axis: c.hasRows ? 0 : 1, from, to });
  const logits = matmul(c.x, rows, { transpose_y: c.hasRows });
  const z = capped(c, c.logits, logits);
  const m = reduceMax(z, { keep: true });
  const e = exp(sub(z, m));
  const slope = slopeOf(z, logits);
  const g = slope === undefined ? e : mul(e, slope);
  const u = matmul(g, rows, { transpose_y: !c.hasRows });
  return { m, s: reduceSum(e, { keep: true }), u, g };
}

const sum = (list: readonly Node[]): Node => list.reduce((a, b) => add(a, b));

/** What takes the place of the loss and of the gradients' products. */
function tiled(c: Classifier, tileRows: number): Map<Node, Node> {
  const V = c.table.type.shape[c.hasRows ? 0 : 1]!;
  const count = Math.ceil(V.size / tileRows);
  const size = Math.ceil(V.size / count);
  const tiles = Array.from({ length: count }, (_, t) => {
    const [from, to] = [t * size, Math.min(V.size, (t + 1) * size)];
    const origin = { ...originOf(c.logits), pass: `${MARK}${from} to ${to}` };
    return withOrigin(c.loss.scope, origin, () => tileAt(c, from, to));
  });
  const top = tiles.map((t) => t.m).reduce((a, b) => maximum(a, b));
  const weights = tiles.map((t) => exp(sub(t.m, top)));
  const total = sum(tiles.map((t, i) => mul(t.s, weights[i]!)));
  const targetRows = embedding(c.hasRows ? c.table : swapLastTwo(c.table), c.targets);
  const targetLogit = reduceSum(mul(c.x, targetRows), { keep: true });
  const target = capped(c, c.logits, targetLogit);
  const loss = reduceMean(sub(add(top, log(total)), target), { axes: [0, 1] });
  const made = new Map<Node, Node>([[c.loss, loss]]);
  if (c.gradient === undefined) return made;

  const each = mul(c.gradient.seed, 1 / c.x.type.shape[0]!.size);
  const shares = weights.map((w) => mul(div(w, total), each));
  const slope = slopeOf(target, targetLogit);
  const share = slope === undefined ? each : mul(slope, each);
  const dx = sub(sum(tiles.map((t, i) => mul(t.u, shares[i]!))), mul(targetRows, share));
  for (const product of c.gradient.ofX) made.set(product, dx);
  const p = join(
    tiles.map((t, i) => mul(t.g, shares[i]!)),
    { axis: 1 },
  );
  const fromTargets = embeddingGrad(c.targets, mul(mul(c.x, share), -1), V);
  for (const product of c.gradient.ofTable) {
    // [V, D] where the logits' gradient comes first.
    const isRows = product.inputs[1] === c.x;
    const whole = isRows
      ? matmul(p, c.x, { transpose_x: true })
      : matmul(c.x, p, { transpose_x: true });
    made.set(product, add(whole, isRows ? fromTargets : swapLastTwo(fromTargets)));
  }
  return made;
}

function run(graph: Graph, rows: number, matched: () => void): Graph {
  const nodes = nodesOf(graph);
  const replacements = new Map<Node, Node>();
  for (const node of nodes) {
    if (node.op.name !== "cross_entropy") continue;
    const classifier = classifierOf(node, nodes);
    if (classifier === undefined) continue;
    matched();
    for (const [from, to] of tiled(classifier, rows)) replacements.set(from, to);
  }
  return rebuild(graph, replacements);
}

/** The pass with tiles of at most `rows` rows. */
export function tileClassifierBy(rows: number): Pass {
  return definePass({
    name: "tile_classifier",
    doc: "computes the classifier and its cross entropy in tiles, without whole logits",
    requires: [],
    establishes: [],
    keeps: ["composite", "differentiated"],
    run: (graph, { matched }) => run(graph, rows, matched),
  });
}

export const tileClassifier: Pass = tileClassifierBy(TILE_ROWS);
