/**
 * Programs for inference: as many layers in one as fit, the model's head with the last of them.
 *
 * Weights are constants, so a program is limited by their bytes and not by the width of a surface. A layer
 * joins the program before it until the limit or the asked number of layers is reached; programs get
 * equally many layers, so that their MIL is the same text. What the host has to compute in between ends
 * a program.
 */
import { type Graph, isInput, isParam, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { elementCount } from "../../compiler/ir/types.ts";
import type { Roles } from "./roles.ts";
import { LAYER, type Scheme } from "./schemes.ts";

export interface InferOptions {
  /** Layers in one program; default: as many as `weightLimit` admits. */
  readonly layersPerProgram?: number;
  /** Bytes of fp16 weights in one program. Default `WEIGHT_LIMIT`. */
  readonly weightLimit?: number;
}

/**
 * What one program carries without harm as far as is known: 150 MB on M3 Max and 170 MB, twelve layers of
 * stories110m, on M1 Pro run; facts `weight_budget` and `working_set` have the reports on both sides.
 */
export const WEIGHT_LIMIT = 128 * 2 ** 20;

/** The longest channel axis (fact `tensor_extents`); a wider head is the host's. */
const MOST_CHANNELS = 65_536;

export const INFER: Scheme = {
  ...LAYER,
  name: "infer",
  doc: "several layers in one program, weights as constants",
  // `placeLayers` says where each node goes; what it leaves out is the host's.
  programs: [],
  takesAll: false,
};

/** Where a node goes, decided by other means than its role. */
export interface Placement {
  /** Of the program. */
  readonly name: string;
  /** What the call is called in the schedule. */
  readonly label: string;
  /** Layers that the program has, in order; their weights are named by it. */
  readonly layers?: readonly string[];
}

export type Placements = ReadonlyMap<Node, Placement>;

/** Programs of all nodes that the engine can compute. `isCapable` says which those are. */
export function placeLayers(
  graph: Graph,
  roles: Roles,
  isCapable: (node: Node) => boolean,
  options: InferOptions = {},
): Placements {
  const nodes = nodesOf(graph).filter((n) => isComputed(n, roles));
  const onEngine = (node: Node): boolean =>
    isCapable(node) && (node.type.shape.at(-1)?.size ?? 1) <= MOST_CHANNELS;
  const layers = [...new Set(nodes.map((n) => roles.layerOf.get(n)!))].filter(
    (layer) => layer !== graph.name,
  );
  const chunks = chunksOf(layers, weightsByLayer(nodes, roles), options);
  const chunkOf = new Map(chunks.flatMap((chunk, i) => chunk.map((layer) => [layer, i])));
  const head = headOf(graph, nodes, roles);
  const isOwn = !headFits(chunks.at(-1), head, { nodes, roles, options });

  const indexOf = new Map<Node, number>();
  const members = new Map<number, { readonly layers: Set<string>; hasHead: boolean }>();
  for (const node of nodes) {
    const layer = roles.layerOf.get(node)!;
    const isEngine = onEngine(node);
    let index = chunkOf.get(layer) ?? (isOwn && head.has(node) ? chunks.length : 0);
    for (const x of node.inputs) {
      const before = indexOf.get(x);
      // What the host makes of a program's result is not there until the program has run.
      if (before !== undefined)
        index = Math.max(index, onEngine(x) && !isEngine ? before + 1 : before);
    }
    indexOf.set(node, index);
    if (!isEngine) continue;
    const member = members.get(index) ?? { layers: new Set<string>(), hasHead: false };
    members.set(index, member);
    if (layer !== graph.name) member.layers.add(layer);
    if (head.has(node)) member.hasHead = true;
  }
  const placements = new Map(
    [...members].map(([index, { layers: own, hasHead }]) => [
      index,
      placement(index, layers, { own, hasHead, model: graph.name }),
    ]),
  );
  return new Map(
    nodes.flatMap((n) => (onEngine(n) ? [[n, placements.get(indexOf.get(n)!)!] as const] : [])),
  );
}

function isComputed(node: Node, { weights, constants }: Roles): boolean {
  return !isInput(node) && !isParam(node) && !weights.has(node) && !constants.has(node);
}

const bytesOf = (weights: Iterable<Node>): number =>
  [...weights].reduce((n, w) => n + 2 * elementCount(w.type.shape), 0);

/** Values of parameters that the nodes of each layer read. */
function weightsByLayer(nodes: readonly Node[], roles: Roles): Map<string, Set<Node>> {
  const found = new Map<string, Set<Node>>();
  for (const node of nodes) {
    const layer = roles.layerOf.get(node)!;
    const own = found.get(layer) ?? new Set<Node>();
    found.set(layer, own);
    for (const x of node.inputs) if (roles.weights.has(x)) own.add(x);
  }
  return found;
}

function chunksOf(
  layers: readonly string[],
  weights: ReadonlyMap<string, ReadonlySet<Node>>,
  { layersPerProgram, weightLimit = WEIGHT_LIMIT }: InferOptions,
): readonly (readonly string[])[] {
  const fill = (most: number): string[][] => {
    const chunks: string[][] = [];
    let carried = new Set<Node>();
    for (const layer of layers) {
      const joined = new Set([...carried, ...(weights.get(layer) ?? [])]);
      const last = chunks.at(-1);
      if (last !== undefined && last.length < most && bytesOf(joined) <= weightLimit) {
        last.push(layer);
        carried = joined;
      } else {
        chunks.push([layer]);
        carried = new Set(weights.get(layer));
      }
    }
    return chunks;
  };
  if (layersPerProgram !== undefined) {
    const unlimited = Array.from({ length: Math.ceil(layers.length / layersPerProgram) }, (_, i) =>
      layers.slice(i * layersPerProgram, (i + 1) * layersPerProgram),
    );
    return unlimited;
  }
  const fewest = fill(layers.length);
  const even = fill(Math.ceil(layers.length / Math.max(1, fewest.length)));
  return even.length === fewest.length ? even : fewest;
}

/** What stands behind the last layer. */
function headOf(graph: Graph, nodes: readonly Node[], { layerOf }: Roles): ReadonlySet<Node> {
  const hasLayers = nodes.some((n) => layerOf.get(n) !== graph.name);
  const leads = new Set<Node>();
  for (const node of [...nodes].reverse())
    if (leads.has(node) || layerOf.get(node) !== graph.name)
      for (const x of node.inputs) leads.add(x);
  return new Set(
    hasLayers ? nodes.filter((n) => layerOf.get(n) === graph.name && !leads.has(n)) : [],
  );
}

/** Whether the head's weights find room beside those of the last layers. */
function headFits(
  chunk: readonly string[] | undefined,
  head: ReadonlySet<Node>,
  given: { readonly nodes: readonly Node[]; readonly roles: Roles; readonly options: InferOptions },
): boolean {
  if (chunk === undefined) return true;
  const { nodes, roles, options } = given;
  const own = new Set(chunk);
  const weights = new Set<Node>();
  for (const node of nodes)
    if (head.has(node) || own.has(roles.layerOf.get(node)!))
      for (const x of node.inputs) if (roles.weights.has(x)) weights.add(x);
  return bytesOf(weights) <= (options.weightLimit ?? WEIGHT_LIMIT);
}

/** `layers_0_3_head` for `block.0` to `block.3` and the head. */
function placement(
  index: number,
  all: readonly string[],
  given: { readonly own: ReadonlySet<string>; readonly hasHead: boolean; readonly model: string },
): Placement {
  const layers = all.filter((layer) => given.own.has(layer));
  const [first, last] = [layers[0], layers.at(-1)];
  const head = given.hasHead ? ["head"] : [];
  if (first === undefined || last === undefined) {
    const name = given.hasHead ? "head" : given.model.replaceAll(/\W/g, "_");
    return { name: index === 0 || given.hasHead ? name : `${name}_${index}`, label: given.model };
  }
  const [from, to] = [all.indexOf(first), all.indexOf(last)];
  const range = from === to ? [`layer_${from}`] : [`layers_${from}_${to}`];
  return {
    name: [...range, ...head].join("_"),
    label:
      from === to ? first : `${first}-${last.replace(/^.*?(?=[\d.]*$)/, "").replace(/^\./, "")}`,
    ...(layers.length > 1 ? { layers } : {}),
  };
}
