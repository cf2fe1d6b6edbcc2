/** Programs with a state. */
import { refusalProbe } from "./refusal.ts";

export const programState = refusalProbe("program_state", {
  asks: "Are `read_state` and `write_state` refused?",
  weSay: "holds",
});
