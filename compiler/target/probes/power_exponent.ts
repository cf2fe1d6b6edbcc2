/** Computed exponents. */
import { refusalProbe } from "./refusal.ts";

export const powerExponent = refusalProbe("power_exponent", {
  asks: "Is `pow` refused when its exponent is computed?",
  notEmulated: true,
});
