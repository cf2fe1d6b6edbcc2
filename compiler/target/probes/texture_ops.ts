/** Ops that need a texture engine. */
import { refusalProbe } from "./refusal.ts";

export const textureOps = refusalProbe("texture_ops", {
  asks: "Is bilinear resizing refused?",
});
