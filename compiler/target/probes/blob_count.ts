/** Many weight tensors. */
import { refusalProbe } from "./refusal.ts";

export const blobCount = refusalProbe("blob_count", {
  asks: "Is a program refused that reads 17 tensors from weight files?",
  weSay: "refuted",
});
