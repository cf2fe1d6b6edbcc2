/** Arguments written as literals. */
import { refusalProbe } from "./refusal.ts";

export const inlineArguments = refusalProbe("inline_arguments", {
  asks: "Are literals in arguments refused?",
  weSay: "refuted",
});
