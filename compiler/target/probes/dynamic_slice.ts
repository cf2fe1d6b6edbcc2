/** Slices whose begin is computed. */
import { refusalProbe } from "./refusal.ts";

export const dynamicSlice = refusalProbe("dynamic_slice", {
  asks: "Is a slice refused whose begin is computed?",
});
