/** Ops that some lists leave out. */
import { refusalProbe } from "./refusal.ts";

export const listedAsMissing = refusalProbe("listed_as_missing", {
  asks: "Are `silu`, `rsqrt` and others refused, as some say?",
  weSay: "refuted",
});
