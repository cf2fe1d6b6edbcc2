/** Checks of the rotary embedding: the op that the model runs against the formula of what it declares. */
import { nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { pairOf, ropeOp } from "../../compiler/ops/rope.ts";
import { zeros } from "../../compiler/ops/tensor.ts";
import { type Check, judged, skip } from "./check.ts";
import { withWeights } from "./model_checks.ts";
import type { Opened } from "./subject.ts";

/** Radians that position 1 turns each pair by, as the op of the node computes it. */
function frequenciesOf(node: Node): number[] {
  const E = sizesOf(node.type.shape).at(-1)!;
  const x = zeros([2, E]);
  // (1, 0) becomes (cos φ, sin φ).
  for (let e = 0; e < E; e++) if (!pairOf(node.attrs, e, E).isB) x.data[E + e] = 1;
  const out = ropeOp.eval([x], node.attrs, { ...node.type, shape: shapeOf(node) });
  const frequencies = new Array<number>(E / 2).fill(0);
  for (let e = 0; e < E; e++) {
    const { i, partner, isB } = pairOf(node.attrs, e, E);
    if (!isB) frequencies[i] = Math.atan2(out.data[E + partner]!, out.data[E + e]!);
  }
  return frequencies;
}

/** [2, E]: two positions of one head. */
function shapeOf({ type }: Node): Node["type"]["shape"] {
  const last = type.shape[type.shape.length - 1]!;
  return [{ ...last, size: 2 }, last];
}

function rotationsOf({ model }: Opened): Node[] {
  return nodesOf(model.graph).filter((n) => n.op === ropeOp);
}

/** The largest relative error of the model's frequencies; `expected` gives those of pair i of E/2. */
function worstError(opened: Opened, expected: (i: number, E: number) => number): number {
  let worst = 0;
  // Ops of one kind and the same attributes compute the same.
  const kinds = new Map(rotationsOf(opened).map((n) => [JSON.stringify(n.attrs), n]));
  for (const node of kinds.values()) {
    const E = sizesOf(node.type.shape).at(-1)!;
    for (const [i, frequency] of frequenciesOf(node).entries()) {
      worst = Math.max(worst, Math.abs(frequency / expected(i, E) - 1));
    }
  }
  return worst;
}

export const rotaryChecks: readonly Check[] = [
  {
    name: "rotary_formula",
    shows: "pairs turn by 1/base^(2i/E) a position, with the base that is declared",
    run: withWeights(({ config }, { opened }) => {
      if (rotationsOf(opened!).length === 0) return skip("the model has no rotary embedding");
      const worst = worstError(opened!, (i, E) => 1 / config.ropeTheta ** ((2 * i) / E));
      return judged(
        worst < 1e-12,
        `relative error ${worst.toExponential(1)}, base ${config.ropeTheta}`,
      );
    }),
  },
  {
    name: "rotary_precision",
    shows: "the same by exponentials and logarithms, to 1e-14",
    run: withWeights(({ config }, { opened }) => {
      if (rotationsOf(opened!).length === 0) return skip("the model has no rotary embedding");
      const log = Math.log(config.ropeTheta);
      const worst = worstError(opened!, (i, E) => Math.exp(-((2 * i) / E) * log));
      return judged(worst < 1e-14, `relative error ${worst.toExponential(1)}`);
    }),
  },
];
