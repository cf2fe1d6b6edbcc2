/**
 * Warm-up, stable, decay (Hu and others, arXiv 2404.06395): the peak, and at the end a straight line down.
 *
 *     d <= 1 − cooldown    peak
 *     then                 peak − (d − (1 − cooldown)) / cooldown · (peak − low)
 */
import type { Schedule } from "./schedule.ts";

export const wsd: Schedule = {
  name: "wsd",
  doc: "the peak, and a straight line to the floor in the last part of the run",
  rate: (d, { peak, low, cooldown }) => {
    const stable = 1 - cooldown;
    return d <= stable ? peak : peak - ((d - stable) / cooldown) * (peak - low);
  },
};
