import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";
/** 1 / (1 + e^−x). */
export const sigmoid: Unary = elementwise("sigmoid", {
  doc: "1 / (1 + e^−x)",
  eval: (x) => 1 / (1 + Math.exp(-x)),
  // y = σ(x), so dy/dx = y·(1 − y).
  grad: (_x, y, dy) => mul(dy, mul(y, sub(1, y))),
  flops: 4,
  domain: [-8, 8],
  mil: (m, [x]) => m.call("sigmoid", { x: x! }),
});
