/** Half a cosine: low + ½ (1 + cos πd) (peak − low). */
import type { Schedule } from "./schedule.ts";

export const cosine: Schedule = {
  name: "cosine",
  doc: "half a cosine from the peak to the floor",
  rate: (d, { peak, low }) => low + 0.5 * (1 + Math.cos(Math.PI * d)) * (peak - low),
};
