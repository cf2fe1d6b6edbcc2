/** Versions of the format. */
import { refusalProbe } from "./refusal.ts";

export const programVersion = refusalProbe("program_version", {
  asks: "Is a version of MIL refused that is neither 1.0 nor 1.3?",
  notEmulated: true,
});
