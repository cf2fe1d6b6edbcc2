/** Weights that are reshaped after unpacking. */
import { refusalProbe } from "./refusal.ts";

export const unpackedReshape = refusalProbe("unpacked_reshape", {
  asks: "Is a `reshape` of unpacked weights refused?",
});
