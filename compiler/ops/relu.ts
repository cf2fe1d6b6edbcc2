import { elementwise, type Unary } from "./elementwise.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
/** the larger of x and 0. */
export const relu: Unary = elementwise("relu", {
  doc: "the larger of x and 0",
  eval: (x) => Math.max(x, 0),
  grad: (x, _y, dy) => mul(dy, greater(x, 0)),
  flops: 1,
  domain: [-2, 2],
  mil: (m, [x]) => m.call("relu", { x: x! }),
});
