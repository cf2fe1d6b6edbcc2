import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
/** e to the power of x. */
export const exp: Unary = elementwise("exp", {
  doc: "e to the power of x",
  eval: Math.exp,
  grad: (_x, y, dy) => mul(dy, y),
  flops: 4,
  domain: [-3, 3],
  mil: (m, [x]) => m.call("exp", { x: x! }),
});
