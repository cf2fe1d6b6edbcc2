/** Logic. */
import { refusalProbe } from "./refusal.ts";

export const logicalOps = refusalProbe("logical_ops", {
  asks: "Are `logical_and`, `logical_or` and `logical_xor` refused?",
  weSay: "holds",
});
