/** Weight files for programs whose constants may have any values. */
import {
  type BlobRecord,
  blobBytes,
  isBlobDType,
  recordOffset,
  writeBlob,
} from "../../bundle/blob.ts";
import type { MilProgram } from "../../mil/tree.ts";
import { halfBits } from "../../support/half.ts";
import { type BlobUse, blobUses } from "../facts/blobs.ts";
import { elementCount, programContext } from "../facts/walk.ts";
import type { ProbeWeights } from "./define.ts";

/** A file for every path that `program` reads, with a record of small numbers at every offset. */
export function madeUpWeights(program: MilProgram): ProbeWeights {
  const uses = [...blobUses(programContext(program, { chip: "m4" }))];
  const paths = [...new Set(uses.map((u) => u.path))];
  return Object.fromEntries(
    paths.map((path) => [path, fileOf(uses.filter((u) => u.path === path))]),
  );
}

/** Records at the offsets that are read, and bytes that nobody reads between them. */
function fileOf(uses: readonly BlobUse[]): Uint8Array {
  const records: BlobRecord[] = [];
  const byOffset = new Map(uses.map((u) => [u.offset, u]));
  for (const [offset, { tensor }] of [...byOffset].sort(([a], [b]) => a - b)) {
    if (tensor === undefined || !isBlobDType(tensor.element)) continue;
    const gap = offset - recordOffset(records, records.length);
    if (gap >= 64) records.push({ dtype: "uint8", data: new Uint8Array(gap - 64) });
    const data = new Uint8Array(blobBytes(tensor.element, elementCount(tensor.shape)));
    if (tensor.element === "fp16") new Uint16Array(data.buffer).fill(halfBits(2 ** -6));
    else data.fill(1);
    records.push({ dtype: tensor.element, data });
  }
  return writeBlob(records).bytes;
}
