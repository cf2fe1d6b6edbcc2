import { type Binary, binary } from "./elementwise.ts";

/** 1 where x > y, else 0. A step: it passes no gradient on. */
export const greater: Binary = binary("greater", {
  doc: "1 where x > y, else 0",
  eval: (x, y) => (x > y ? 1 : 0),
  grad: () => [null, null],
  domain: [-2, 2],
  // MIL compares to bool; the product that follows needs a number.
  mil: (m, [x, y]) => m.call("cast", { x: m.call("greater", { x: x!, y: y! }), dtype: "fp16" }),
  opcode: "gt",
});
