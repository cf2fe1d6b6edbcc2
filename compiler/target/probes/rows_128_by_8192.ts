/** 128 rows times a constant of 8,192 rows. */
import { refusalProbe } from "./refusal.ts";

export const rows128By8192 = refusalProbe("rows_128_by_8192", {
  asks: "Is the product of 128 rows with a constant of 8,192 rows refused?",
});
