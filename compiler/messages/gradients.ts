/** E04xx: differentiation. */
import type { Span } from "../support/source.ts";
import { at, message } from "./message.ts";

export const noGradient = message(
  "E0401",
  {
    summary: "something has no gradient",
    explain:
      "Training needs the derivative of the loss for every parameter. It stops at an op that has none " +
      "(such as a gradient op: second derivatives are not supported) and at a loss that is not a scalar.",
  },
  (what: string, needs: string, span: Span | undefined) => ({
    title: `${what} cannot be differentiated`,
    labels: at(span),
    why: `The gradient needs ${needs}.`,
  }),
);
