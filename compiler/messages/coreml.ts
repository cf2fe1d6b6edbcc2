/** Packages for Core ML. */
import type { Span } from "../support/source.ts";
import { at, message } from "./message.ts";

export const noCoremlOp = message(
  "E0450",
  {
    summary: "an op cannot be part of a Core ML package",
    explain:
      "A package for Core ML holds one program of public MIL ops. Losses, updates of caches and gradients " +
      "have none. Write the entry that ends before the op: `anec compile FILE --entry NAME --emit mlpackage`.",
  },
  (span: Span | undefined, op: string) => ({
    title: `\`${op}\` cannot be part of a Core ML package`,
    labels: at(span, "this has no op in Core ML"),
    help: [{ text: "write a model or a layer that ends before it, and name that with --entry" }],
  }),
);
