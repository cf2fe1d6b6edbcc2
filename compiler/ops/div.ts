import { type Binary, binary } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";

/** x / y. */
export const div: Binary = binary("div", {
  doc: "x / y",
  eval: (x, y) => x / y,
  // z = x/y, so dz/dx = 1/y and dz/dy = −x/y² = −z/y.
  grad: (_x, y, z, dz) => [div(dz, y), neg(mul(dz, div(z, y)))],
  domain: [0.5, 2],
  mil: "real_div",
});
