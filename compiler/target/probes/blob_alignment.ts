/** Records between multiples of 64. */
import { refusalProbe } from "./refusal.ts";

export const blobAlignment = refusalProbe("blob_alignment", {
  asks: "Is a record refused that does not start at a multiple of 64?",
  weSay: "holds",
});
