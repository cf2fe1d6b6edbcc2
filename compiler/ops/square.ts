import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
/** x². */
export const square: Unary = elementwise("square", {
  doc: "x squared",
  eval: (x) => x * x,
  grad: (x, _y, dy) => mul(dy, mul(x, 2)),
  flops: 1,
  domain: [-2, 2],
  mil: (m, [x]) => m.call("square", { x: x! }),
});
