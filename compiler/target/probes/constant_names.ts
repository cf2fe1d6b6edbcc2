/** Names in several functions. */
import { refusalProbe } from "./refusal.ts";

export const constantNames = refusalProbe("constant_names", {
  asks: "Is a program refused whose functions have constants of one name?",
  notEmulated: true,
});
