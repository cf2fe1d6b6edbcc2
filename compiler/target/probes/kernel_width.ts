/** Wide kernels. */
import { refusalProbe } from "./refusal.ts";

export const kernelWidth = refusalProbe("kernel_width", {
  asks: "Is a kernel refused that is 17 wide?",
});
