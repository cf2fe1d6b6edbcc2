/** `conv` and `matmul` together. */
import { refusalProbe } from "./refusal.ts";

export const convBesideMatmul = refusalProbe("conv_beside_matmul", {
  asks: "Is a program refused that has both `conv` and `matmul`?",
  weSay: "refuted",
});
