/** The offset of a BLOBFILE is that of the record's descriptor. */
import { blobUses } from "./blobs.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";

const text = (offset: number): string =>
  `${weight("w", [1, 64, 1, 1], offset)}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`;

export const blobOffset = defineFact({
  id: "blob_offset",
  statement:
    "The offset of a BLOBFILE is that of a record's descriptor, the first of which is at 64.",
  kind: "format",
  evidence: [
    reported(
      "mechramc/Orion docs/ane_constraints.md",
      "0 and 128 read garbage without an error, M4 Max",
    ),
    reported("ane-as", "0, 32 and 128 give InvalidMILProgram, M5 Max"),
    reported("apple/coremltools StorageFormat.hpp", "the layout"),
  ],
  *check(c): Generator<Finding> {
    for (const { offset, span } of blobUses(c)) {
      if (offset < 64 || offset % 4 !== 0)
        yield { title: `there is no record at offset ${offset}`, span, label: `offset ${offset}` };
    }
  },
  workaround:
    "the first record is at 64; the next one follows after 64 bytes and the padded payload",
  emulator: "refuses the program with CompilationFailure when there is no record at the offset",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text(0)),
    silent: program(fp16("x", [1, 64, 1, 32]), text(64)),
  },
});
