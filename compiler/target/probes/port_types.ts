/** Inputs of 32-bit integers. */
import { refusalProbe } from "./refusal.ts";

export const portTypes = refusalProbe("port_types", {
  asks: "Is a program with an input of 32-bit integers refused?",
});
