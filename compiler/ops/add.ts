import { type Binary, binary } from "./elementwise.ts";

/** x + y. */
export const add: Binary = binary("add", {
  doc: "x + y",
  eval: (x, y) => x + y,
  grad: (_x, _y, _z, dz) => [dz, dz],
  domain: [-2, 2],
  mil: "add",
});
