import { type Binary, binary } from "./elementwise.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** The smaller of x and y; where they are equal the gradient goes to y. */
export const minimum: Binary = binary("minimum", {
  doc: "the smaller of x and y",
  eval: Math.min,
  grad: (x, y, _z, dz) => {
    const xWins = greater(y, x);
    return [mul(dz, xWins), mul(dz, sub(1, xWins))];
  },
  domain: [-2, 2],
  mil: "minimum",
  opcode: "min",
});
