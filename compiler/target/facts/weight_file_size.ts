/** How large a weight file may be. */
import { defineFact, type Finding, reported } from "./define.ts";

export const weightFileSize = defineFact({
  id: "weight_file_size",
  statement: "A weight file has at most 2,147,483,648 bytes.",
  kind: "reject",
  evidence: [reported("apple/coremltools pull 2593", "Apple's own text")],
  *checkRun({ handover }): Generator<Finding> {
    const bytes = handover?.weightFileBytes ?? 0;
    if (bytes > 2 ** 31) yield { title: `a weight file has ${bytes} bytes, more than 2 GiB` };
  },
  apple: "ane: Weight file size (N bytes) exceeds the maximum (2147483648 bytes)",
  workaround: "spread the weights over several files or programs",
  emulator: "accepts any size",
  examples: {
    fires: { chip: "m4", handover: { weightFileBytes: 3e9 } },
    silent: { chip: "m4", handover: { weightFileBytes: 1e9 } },
  },
});
