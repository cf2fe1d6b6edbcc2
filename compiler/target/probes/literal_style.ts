/** Short literals in old programs. */
import { refusalProbe } from "./refusal.ts";

export const literalStyle = refusalProbe("literal_style", {
  asks: "Are short literals refused in a program of version 1.0?",
  weSay: "holds",
  notEmulated: true,
});
