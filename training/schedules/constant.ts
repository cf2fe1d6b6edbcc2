/** The peak, to the end. */
import type { Schedule } from "./schedule.ts";

export const constant: Schedule = {
  name: "constant",
  doc: "the peak to the end",
  rate: (_d, { peak }) => peak,
};
