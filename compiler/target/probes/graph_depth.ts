/** Deep programs. */
import { refusalProbe } from "./refusal.ts";

export const graphDepth = refusalProbe("graph_depth", {
  asks: "Is a program refused that is deeper than any that is known to compile?",
  notEmulated: true,
});
