/** What the host's steps between programs make of their operands, in spreads. */
import type { Node } from "../../ir/node.ts";
import { sizesOf } from "../../ir/types.ts";
import { dotOf, normalised, productOf, type Spread, scaled, sumOf } from "./spread.ts";

export interface HostStepValues {
  readonly op: string;
  readonly reads: readonly Spread[];
  /** The step's node: without it, sizes are not known. */
  readonly node: Node | undefined;
  readonly lossScale: number;
}

/** The spread of what a step makes. Ops without a rule pass their first operand on. */
export function hostSpread({ op, reads, node, lossScale }: HostStepValues): Spread {
  const [x = normalised(), y = normalised(), z = normalised()] = reads;
  switch (op) {
    case "cross_entropy_grad":
      return logitGradient(sizes(node, 0), lossScale);
    case "matmul":
      return dotOf(x, y, contraction(node));
    case "add":
    case "sub":
      return sumOf(x, y);
    case "mul":
      return productOf(x, y);
    case "rms_norm":
      return productOf(normalised(), y);
    case "rms_norm_grad_x":
      // dy · g / rms(x), less its part along x
      return scaled(productOf(z, y), 1 / Math.max(x.rms, 1e-6));
    default:
      return x;
  }
}

/** (softmax − one-hot) / rows: nearly all of it is at one class of each row. */
function logitGradient(shape: readonly number[], lossScale: number): Spread {
  const classes = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const most = lossScale / rows;
  return {
    low: -most,
    high: most,
    mean: 0,
    rms: most / Math.sqrt(classes),
    loose: false,
    error: 1e-3,
    density: 1 / classes,
  };
}

const sizes = (node: Node | undefined, i: number): readonly number[] =>
  sizesOf(node?.inputs[i]?.type.shape ?? []);

function contraction(node: Node | undefined): number {
  return sizes(node, 0).at(node?.attrs["transpose_x"] === true ? -2 : -1) ?? 1;
}
