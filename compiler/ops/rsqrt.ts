import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
/** 1/√x. */
export const rsqrt: Unary = elementwise("rsqrt", {
  doc: "1/√x",
  eval: (x) => 1 / Math.sqrt(x),
  // y = x^(−1/2), so dy/dx = −y³/2.
  grad: (_x, y, dy) => mul(mul(dy, -0.5), mul(y, mul(y, y))),
  flops: 2,
  domain: [0.5, 4],
  mil: (m, [x]) => m.call("pow", { x: x!, y: -0.5 }),
});
