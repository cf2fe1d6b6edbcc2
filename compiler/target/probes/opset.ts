/** Newer targets. */
import { refusalProbe } from "./refusal.ts";

export const opset = refusalProbe("opset", {
  asks: "Is a function refused whose target is newer than ios18?",
  notEmulated: true,
});
