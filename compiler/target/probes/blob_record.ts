/** A record of a weight file that leaves the offset of its payload 0. */
import { fp16, line, program, weight } from "../facts/examples.ts";
import { defineProbe, factClaim } from "./define.ts";
import { filled, halves, outputOf, reading, runText, WEIGHT_FILE } from "./steps.ts";

const [C, W] = [1, 128];
const shape = [1, C, 1, W];
const values = filled(W, (i) => i + 1);
const text = program(
  fp16("x", shape),
  `${weight("w", shape)}\n${line("y", shape, "add(x = x, y = w)")}`,
);
const x = filled(W, () => 0);
/** Where the first descriptor has the offset of its payload. */
const FIELD = 64 + 16;

function withoutOffset() {
  const bytes = halves(values)[WEIGHT_FILE]!.slice();
  bytes.fill(0, FIELD, FIELD + 8);
  return { [WEIGHT_FILE]: bytes };
}

export const blobRecord = defineProbe({
  name: "blob_record",
  asks: "Is a record that leaves its payload's offset 0 read from the start of the file?",
  steps: () => [
    runText("whole", text, { x }, halves(values)),
    runText("without", text, { x }, withoutOffset()),
  ],
  claims: [
    factClaim("blob_record", {
      holds: "shifted",
      otherwise: "not shifted",
      needs: ["whole", "without"],
      read: (o) => {
        const y = outputOf(o, "without");
        // 128 bytes of headers are 64 numbers in front.
        const [first, behind] = [y[0]!, y[64]!];
        const answer = first === 1 ? "not shifted" : behind === 1 ? "shifted" : undefined;
        return reading(answer, { first, behind });
      },
    }),
  ],
});
