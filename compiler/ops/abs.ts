import { elementwise, type Unary } from "./elementwise.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { sub } from "./sub.ts";
/** the absolute value of x. */
export const abs: Unary = elementwise("abs", {
  doc: "the absolute value of x",
  eval: Math.abs,
  // The sign of x: +1 above 0, −1 below; 0 at 0.
  grad: (x, _y, dy) => mul(dy, sub(greater(x, 0), greater(neg(x), 0))),
  flops: 1,
  domain: [-2, 2],
  mil: (m, [x]) => m.call("abs", { x: x! }),
});
