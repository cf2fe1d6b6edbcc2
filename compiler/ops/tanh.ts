import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";
/** the hyperbolic tangent of x. */
export const tanh: Unary = elementwise("tanh", {
  doc: "the hyperbolic tangent of x",
  eval: Math.tanh,
  // y = tanh x, so dy/dx = 1 − y².
  grad: (_x, y, dy) => mul(dy, sub(1, mul(y, y))),
  flops: 6,
  domain: [-3, 3],
  mil: (m, [x]) => m.call("tanh", { x: x! }),
});
