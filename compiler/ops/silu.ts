import { add } from "./add.ts";
import { elementwise, type Unary } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sigmoid } from "./sigmoid.ts";
import { sub } from "./sub.ts";

/** silu(x) = x · sigmoid(x), the activation inside SwiGLU. */
export const silu: Unary = elementwise("silu", {
  doc: "x · sigmoid(x)",
  eval: (x) => x / (1 + Math.exp(-x)),
  decompose: (x) => mul(x, sigmoid(x)),
  // y = x·s, so dy/dx = s + x·s·(1 − s) = s + y·(1 − s).
  grad: (x, y, dy) => {
    const s = sigmoid(x);
    return mul(dy, add(s, mul(y, sub(1, s))));
  },
  flops: 5,
  domain: [-8, 8],
  mil: (m, [x]) => m.call("mul", { x: x!, y: m.call("sigmoid", { x: x! }) }),
});
