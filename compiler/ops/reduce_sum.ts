import { broadcast } from "./broadcast.ts";
import { keptShape, type Reduction, reduction } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** Sum over axes. */
export const reduceSum: Reduction = reduction("reduce_sum", {
  doc: "sum over `axes`",
  initial: 0,
  step: (sum, x) => sum + x,
  finish: (sum) => sum,
  vjp: (x, y, dy) => broadcast(reshape(dy, keptShape(x, y)), x.type.shape),
  mil: "reduce_sum",
  host: 0,
});
