import { type Binary, binary } from "./elementwise.ts";
import { neg } from "./neg.ts";

/** x − y. */
export const sub: Binary = binary("sub", {
  doc: "x − y",
  eval: (x, y) => x - y,
  grad: (_x, _y, _z, dz) => [dz, neg(dz)],
  domain: [-2, 2],
  mil: "sub",
});
