/** `concat`. */
import { refusalProbe } from "./refusal.ts";

export const concatSupport = refusalProbe("concat_support", {
  asks: "Is `concat` refused?",
  weSay: "refuted",
});
