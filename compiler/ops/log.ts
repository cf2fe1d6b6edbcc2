import { div } from "./div.ts";
import { elementwise, type Unary } from "./elementwise.ts";
/** the natural logarithm of x. */
export const log: Unary = elementwise("log", {
  doc: "the natural logarithm of x",
  eval: Math.log,
  grad: (x, _y, dy) => div(dy, x),
  flops: 4,
  domain: [0.5, 4],
  mil: (m, [x]) => m.call("log", { x: x!, epsilon: 0 }),
});
