/** `square` beside a nonlinearity at odd widths. */
import { refusalProbe } from "./refusal.ts";

export const squareFusion = refusalProbe("square_fusion", {
  asks: "Is `square` next to a nonlinearity refused at a width 65 beyond a multiple of 128?",
  notEmulated: true,
});
