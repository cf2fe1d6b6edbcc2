/** `cast` on the first chips. */
import { refusalProbe } from "./refusal.ts";

export const castOnM1 = refusalProbe("cast_on_m1", {
  asks: "Is `cast` refused?",
  weSay: "refuted",
});
