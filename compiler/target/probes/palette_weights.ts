/** Palettes of weights. */
import { refusalProbe } from "./refusal.ts";

export const paletteWeights = refusalProbe("palette_weights", {
  asks: "Are weights refused that are indices into a palette?",
  weSay: "refuted",
});
