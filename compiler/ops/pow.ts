import { type Binary, binary } from "./elementwise.ts";
import { log } from "./log.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** x to the power of y, for x > 0. */
export const pow: Binary = binary("pow", {
  doc: "x to the power of y, for x > 0",
  eval: (x, y) => x ** y,
  // d/dx x^y = y·x^(y−1) and d/dy x^y = x^y·ln x.
  grad: (x, y, z, dz) => [mul(dz, mul(y, pow(x, sub(y, 1)))), mul(dz, mul(z, log(x)))],
  domain: [0.5, 2],
  mil: "pow",
});
