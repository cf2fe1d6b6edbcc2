import { type Binary, binary } from "./elementwise.ts";

/** x · y. */
export const mul: Binary = binary("mul", {
  doc: "x · y",
  eval: (x, y) => x * y,
  // Of a square there is one gradient: that of both operands, which two equal ones added up would be.
  grad: (x, y, _z, dz) => (x === y ? [mul(mul(dz, 2), x), null] : [mul(dz, y), mul(dz, x)]),
  domain: [-2, 2],
  mil: "mul",
});
