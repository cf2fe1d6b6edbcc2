/** `softmax` over an odd number of channels. */
import { refusalProbe } from "./refusal.ts";

export const softmaxChannels = refusalProbe("softmax_channels", {
  asks: "Is `softmax` over channels refused unless they are a power of two?",
  weSay: "refuted",
});
