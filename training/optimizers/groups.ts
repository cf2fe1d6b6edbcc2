/**
 * Groups of parameters, which may have learning rates and weight decay of their own.
 *
 *     embedding   the table that tokens are looked up in, also where it is the classifier as well
 *     matrices    whatever else has two axes or more
 *     norms       vectors: the weights of norms, and biases
 */
import { type Graph, isParam, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { TrainSettings } from "../options.ts";
import { optimizerNamed } from "./index.ts";

export const GROUPS = ["matrices", "embedding", "norms"] as const;
export type Group = (typeof GROUPS)[number];

/** The group of every parameter. */
export function groupsOf(graph: Graph): (param: Node) => Group {
  const tables = new Set(
    nodesOf(graph)
      .filter((n) => n.op.name === "embedding" && isParam(n.inputs[0]!))
      .map((n) => n.inputs[0]!),
  );
  return (param) => {
    if (tables.has(param)) return "embedding";
    return param.type.shape.length >= 2 ? "matrices" : "norms";
  };
}

type RateSettings = Pick<
  TrainSettings,
  "lrMatrix" | "lrEmbed" | "lrNorm" | "wd" | "wdEmbed" | "wdNorm"
>;

/** Factor of the learning rate, and weight decay. */
function ratesOf(group: Group, s: RateSettings): { readonly factor: number; readonly wd: number } {
  switch (group) {
    case "matrices":
      return { factor: s.lrMatrix, wd: s.wd };
    case "embedding":
      return { factor: s.lrEmbed, wd: s.wd * s.wdEmbed };
    case "norms":
      return { factor: s.lrNorm, wd: s.wd * s.wdNorm };
    default:
      return group satisfies never;
  }
}

/** Room for the numbers of one group in the buffer of all of them. */
export const SCALARS = 8;

/** Where the numbers of a group begin. */
export function scalarsAt(group: Group): number {
  return GROUPS.indexOf(group) * SCALARS;
}

/**
 * The numbers of an update for every group, as `scalarsAt` has them. `lr` is the rate before the factors,
 * `t` the number of the update, from 1, `scale` the factor of the gradients.
 */
export function updateScalars(
  settings: TrainSettings,
  { lr, t, scale }: { readonly lr: number; readonly t: number; readonly scale: number },
): Float32Array {
  const { scalars } = optimizerNamed(settings.optimizer);
  const { beta1, beta2 } = settings;
  const all = new Float32Array(GROUPS.length * SCALARS);
  for (const group of GROUPS) {
    const { factor, wd } = ratesOf(group, settings);
    all.set(scalars({ lr: lr * factor, wd, beta1, beta2, t, scale }), scalarsAt(group));
  }
  return all;
}
