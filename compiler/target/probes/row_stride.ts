/** Rows whose bytes are no multiple of 64, in surfaces with the published layout. */
import { defineProbe, factClaim, questionClaim } from "./define.ts";
import { filled, matching, outputOf, reading, run } from "./steps.ts";

const [C, W] = [4, 5];
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, (i) => i + 1) };
/** A packed reader stops at 20 numbers, the padding behind the first row among them. */
const PACKED = [1, 2, 0, 0];
const STRIDED = [1, 2, 6, 11];

const found = (y: ArrayLike<number>) => ({
  first: y[0]!,
  second: y[1]!,
  second_row: y[W]!,
  third_row: y[2 * W]!,
});

export const rowStride = defineProbe({
  name: "row_stride",
  asks: "Does the engine read and write rows at multiples of 64 bytes?",
  steps: () => [
    run("published", [x], (b) => b.mul(b.input("x"), b.scalar(1)), { published: true }),
    run("reported", [x], (b) => b.mul(b.input("x"), b.scalar(1))),
  ],
  claims: [
    factClaim("row_stride", {
      holds: "64 bytes",
      otherwise: "another stride",
      needs: ["reported"],
      read: (o) => {
        const outcome = o.get("published");
        if (outcome?.kind !== "ran") return { answer: "another stride", why: wordsOf(outcome) };
        const read = matching(found(outputOf(o, "published")), { "64 bytes": STRIDED });
        return { ...read, answer: read.answer ?? "another stride" };
      },
    }),
    factClaim("packed_reads", {
      holds: "packed",
      otherwise: "not packed",
      weSay: "refuted",
      needs: ["published"],
      read: (o) => {
        const numbers = found(outputOf(o, "published"));
        return matching(numbers, { packed: PACKED, "not packed": STRIDED });
      },
    }),
    questionClaim("row_layout", {
      answers: ["as published", "as reported", "neither"],
      expects: "as published",
      needs: ["reported"],
      read: (o) => {
        const published = o.get("published");
        const right = (y: ArrayLike<number>): boolean =>
          Array.from(y).every((value, i) => value === i + 1);
        const isRight = published?.kind === "ran" && right(outputOf(o, "published"));
        const reported = right(outputOf(o, "reported"));
        const answer = isRight ? "as published" : reported ? "as reported" : "neither";
        return reading(answer, found(outputOf(o, "reported")));
      },
    }),
  ],
});

function wordsOf(outcome: { readonly kind: string; readonly words?: string } | undefined): string {
  return outcome?.words ?? "the step with the published layout did not run";
}
