/** Values that nothing reads. */
import { refusalProbe } from "./refusal.ts";

export const deadCode = refusalProbe("dead_code", {
  asks: "Is a program refused that has a value nothing reads?",
  notEmulated: true,
});
