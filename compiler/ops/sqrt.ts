import { div } from "./div.ts";
import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
/** the square root of x. */
export const sqrt: Unary = elementwise("sqrt", {
  doc: "the square root of x",
  eval: Math.sqrt,
  // d/dx √x = 1/(2√x).
  grad: (_x, y, dy) => div(mul(dy, 0.5), y),
  flops: 1,
  domain: [0.5, 4],
  mil: (m, [x]) => m.call("sqrt", { x: x! }),
});
