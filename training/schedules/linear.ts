/** A straight line: peak − d (peak − low). */
import type { Schedule } from "./schedule.ts";

export const linear: Schedule = {
  name: "linear",
  doc: "a straight line from the peak to the floor",
  rate: (d, { peak, low }) => peak - d * (peak - low),
};
