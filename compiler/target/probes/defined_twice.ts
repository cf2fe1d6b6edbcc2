/** A name that is defined twice. */
import { refusalProbe } from "./refusal.ts";

export const definedTwice = refusalProbe("defined_twice", {
  asks: "Is a function refused that defines a name twice?",
});
