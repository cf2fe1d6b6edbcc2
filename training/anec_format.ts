/** Checkpoints of `anec train` among the formats of models. */
import { dtypeNotWritten } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { writeFileBytes } from "../formats/files.ts";
import type { Format } from "../formats/format.ts";
import { encodeCheckpoint, readCheckpoint } from "./checkpoint.ts";
import { checkpointOf, weightsOf } from "./foreign_model.ts";
import { mergeAdapters } from "./lora/merge.ts";

export const anecFormat: Format = {
  name: "anec",
  doc: "anec: a checkpoint of `anec train` (.ckpt)",
  extensions: [".ckpt"],
  dtypes: ["f32"],
  keeps: {
    residualScale: true,
    optimizer: true,
    training: true,
    tokenizer: true,
    anyVocabulary: false,
  },
  // Metadata stand first in the header, behind its length of 8 bytes, with their keys in order.
  detect: ({ head }) =>
    Buffer.from(head.subarray(8)).toString("latin1").includes('"format":"anec checkpoint"'),
  read: (path, options) => weightsOf(mergeAdapters(readCheckpoint(path)), options),
  write(path, weights, { dtype = "f32" } = {}) {
    if (dtype !== "f32") throw new UserError(dtypeNotWritten("anec", dtype, anecFormat.dtypes));
    writeFileBytes(path, encodeCheckpoint(checkpointOf(weights)));
  },
};
