/** Every field of a record is read. */
import { blobBytes, isBlobDType, readBlobRecord, writeBlob } from "../../bundle/blob.ts";
import { UserError } from "../../support/diagnostic.ts";
import { type BlobUse, blobUses } from "./blobs.ts";
import { assumed, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { elementCount } from "./walk.ts";

/** What is wrong with a record for the tensor that is read from it. */
function problemOf({ path, offset, tensor }: BlobUse, bytes: Uint8Array): string | undefined {
  try {
    const { dtype, data } = readBlobRecord(bytes, offset, path);
    if (tensor === undefined) return undefined;
    const wanted = tensor.element === "bool" ? "uint8" : tensor.element;
    if (dtype !== wanted) return `the record at ${offset} of ${path} is ${dtype}, not ${wanted}`;
    const size = isBlobDType(wanted)
      ? blobBytes(wanted, elementCount(tensor.shape))
      : data.byteLength;
    return size === data.byteLength
      ? undefined
      : `the record at ${offset} of ${path} has ${data.byteLength} bytes, not ${size}`;
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]!.title;
    throw error;
  }
}

const text = program(
  fp16("x", [1, 64, 1, 32]),
  `${weight("w", [1, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`,
);
const { bytes } = writeBlob([{ dtype: "fp16", data: new Uint8Array(128) }]);
/** The same file with a payload offset of 0, as some writers leave it. */
const damaged = bytes.map((byte, i) => (i >= 80 && i < 88 ? 0 : byte));

export const blobRecord = defineFact({
  id: "blob_record",
  statement:
    "Apple's compiler reads the payload where the record's own offset field says. A record that leaves it 0 gives " +
    "weights shifted by its 128 bytes of headers.",
  kind: "silent_wrong",
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "the headers became the first 64 weights, for M1 and M2",
    ),
    assumed(
      "maderix/ANE issue 42",
      "only the channel count whose size field is right passes on M3 Pro and M3 Ultra, macOS 15.7; M4 takes all",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const use of blobUses(c)) {
      const file = c.files?.(use.path);
      const problem = file === undefined ? undefined : problemOf(use, file);
      if (problem !== undefined) yield { title: problem, span: use.span };
    }
  },
  apple: "Cannot retrieve file blob properties",
  workaround:
    "write every field: 0xDEADBEEF, the type, the size of the payload, and its offset in the file",
  emulator: "reads the payload where the record says",
  examples: {
    fires: { text, files: () => damaged },
    silent: { text, files: () => bytes },
  },
});
