import { type Binary, binary } from "./elementwise.ts";

/** x · y. */
export const mul: Binary = binary("mul", {
  doc: "x · y",
  eval: (x, y) => x * y,
  grad: (x, y, _z, dz) => [mul(dz, y), mul(dz, x)],
  domain: [-2, 2],
  mil: "mul",
});
