/** Records of a weight file are aligned. */
import { blobUses } from "./blobs.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";

const text = (offset: number): string =>
  `${weight("w", [1, 64, 1, 1], offset)}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`;

export const blobAlignment = defineFact({
  id: "blob_alignment",
  statement: "Records of a weight file start at multiples of 64 bytes.",
  kind: "format",
  evidence: [
    reported("apple/coremltools StorageFormat.hpp", "says so"),
    against(
      "maderix/ANE",
      "writes records without padding, M4; nearly all of its payloads are multiples of 64 anyway",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { offset, span } of blobUses(c)) {
      if (offset >= 64 && offset % 64 !== 0)
        yield {
          title: `the record at offset ${offset} is not aligned to 64 bytes`,
          span,
          label: `offset ${offset}`,
        };
    }
  },
  workaround: "pad each payload to a multiple of 64 bytes",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text(176)),
    silent: program(fp16("x", [1, 64, 1, 32]), text(256)),
  },
});
