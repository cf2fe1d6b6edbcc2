import { type Binary, binary } from "./elementwise.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** The larger of x and y; where they are equal the gradient goes to y. */
export const maximum: Binary = binary("maximum", {
  doc: "the larger of x and y",
  eval: Math.max,
  grad: (x, y, _z, dz) => {
    const xWins = greater(x, y);
    return [mul(dz, xWins), mul(dz, sub(1, xWins))];
  },
  domain: [-2, 2],
  mil: "maximum",
  opcode: "max",
});
