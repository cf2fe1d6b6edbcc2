/**
 * Puts exact powers of two around the products of a program.
 *
 *     matmul(x, w)   ⇒   matmul(x · 2^k, w) · 2^−k
 *
 * The engine rounds every product of two numbers to a multiple of 2^-16, drops those far below, and ends
 * its sums at 32,768 (751K M6 study; facts `product_grid`, `accumulator_range`). A product of sizes
 * σx · σw so loses 4.4e-6 / (σx · σw) of its value: gradients of 1e-3 against weights of 0.02 lose
 * 43 %. A factor before, undone behind, moves the products to where the grid is fine. It goes to the operand
 * that is not a weight, and of two such to the smaller one.
 */
import { type Graph, nodesOf, rebuild } from "../../compiler/ir/graph.ts";
import { type Node, originOf, withOrigin } from "../../compiler/ir/node.ts";
import { matmul } from "../../compiler/ops/matmul.ts";
import { mul } from "../../compiler/ops/mul.ts";

/** Sizes of a product in a run of training, in fp32. */
export interface ProductStatistics {
  /** Root mean squares of the operands. */
  readonly rms: readonly [number, number];
  /** Largest magnitudes of the operands and of the result. */
  readonly peaks: readonly [number, number];
  readonly resultPeak: number;
}

export interface ProductScale {
  /** The operand gets the factor 2^exponent, the result 2^−exponent. */
  readonly exponent: number;
  readonly operand: 0 | 1;
}

/** The products of a program, in the order in which scales are given. */
export function productsOf(graph: Graph): Node[] {
  return nodesOf(graph).filter((n) => n.op.name === "matmul");
}

/** Where the terms of a sum should lie: an error of 4e-5, far below that of fp16 itself. */
const WANTED = 2 ** -3;
/** Terms this large are left alone. */
const FINE = 2 ** -6;
/** Room below the accumulator's 32,768, for sums that grow in training and for partial sums. */
const MOST_SUM = 2 ** 12;
/** The largest operand after its factor. */
const MOST_OPERAND = 2 ** 13;

/** The scale of a product seen in some calls, or undefined where none is needed. */
export function scaleFor(
  seen: readonly ProductStatistics[],
  isWeight: readonly [boolean, boolean],
): ProductScale | undefined {
  const known = seen.filter((s) => s.rms[0] > 0 && s.rms[1] > 0);
  if (known.length === 0) return undefined;
  const term = Math.exp(mean(known.map((s) => Math.log(s.rms[0] * s.rms[1]))));
  const peak = (pick: (s: ProductStatistics) => number): number => Math.max(...known.map(pick));
  const [rms0, rms1] = [0, 1].map((i) => mean(known.map((s) => s.rms[i]!))) as [number, number];
  const operand = isWeight[0] ? 1 : isWeight[1] ? 0 : rms0 <= rms1 ? 0 : 1;
  const highest = Math.min(
    Math.floor(
      Math.log2(
        MOST_SUM /
          Math.max(
            peak((s) => s.resultPeak),
            1e-30,
          ),
      ),
    ),
    Math.floor(
      Math.log2(
        MOST_OPERAND /
          Math.max(
            peak((s) => s.peaks[operand]),
            1e-30,
          ),
      ),
    ),
  );
  const wish = term < FINE ? Math.round(Math.log2(WANTED / term)) : 0;
  const exponent = Math.min(wish, highest);
  return exponent === 0 ? undefined : { exponent, operand };
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

/** The program with scales around its products; they are in the order of `productsOf`. */
export function placeScales(graph: Graph, scales: readonly (ProductScale | undefined)[]): Graph {
  const replacements = new Map<Node, Node>();
  for (const [i, node] of productsOf(graph).entries()) {
    const scale = scales[i];
    if (scale === undefined) continue;
    const scaled = withOrigin(node.scope, { ...originOf(node), pass: "place_scales" }, () => {
      const operands = node.inputs.map((x, k) =>
        k === scale.operand ? byPowerOfTwo(x, scale.exponent) : x,
      );
      const product = matmul(operands[0]!, operands[1]!, {
        transpose_x: node.attrs["transpose_x"] === true,
        transpose_y: node.attrs["transpose_y"] === true,
      });
      return byPowerOfTwo(product, -scale.exponent);
    });
    replacements.set(node, scaled);
  }
  return rebuild(graph, replacements);
}

/** The largest power of two that fp16 holds, and the smallest with all its digits. */
const [MOST_FACTOR, LEAST_FACTOR] = [15, -14];

function byPowerOfTwo(x: Node, exponent: number): Node {
  if (exponent === 0) return x;
  const step = Math.max(LEAST_FACTOR, Math.min(MOST_FACTOR, exponent));
  return byPowerOfTwo(mul(x, 2 ** step), exponent - step);
}
