import { elementwise, type Unary } from "./elementwise.ts";

/** The negative of x. */
export const neg: Unary = elementwise("neg", {
  doc: "the negative of x",
  eval: (x) => -x,
  grad: (_x, _y, dy) => neg(dy),
  flops: 1,
  domain: [-2, 2],
  mil: (m, [x]) => m.call("mul", { x: x!, y: -1 }),
});
