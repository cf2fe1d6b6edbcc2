import { broadcast } from "./broadcast.ts";
import { mul } from "./mul.ts";
import { keptShape, type Reduction, reduction } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** Mean over axes. */
export const reduceMean: Reduction = reduction("reduce_mean", {
  doc: "mean over `axes`",
  initial: 0,
  step: (sum, x) => sum + x,
  finish: (sum, count) => sum / count,
  vjp: (x, y, dy, count) => broadcast(mul(reshape(dy, keptShape(x, y)), 1 / count), x.type.shape),
  mil: "reduce_mean",
  host: 2,
});
