/** What MIL rules are given while a program is built: its weight file, and arguments in the builder's form. */
import { createHash } from "node:crypto";
import { type BlobRecord, recordOffset, writeBlob } from "../../compiler/bundle/blob.ts";
import type { BuildArgument, MilVar } from "../../compiler/mil/build.ts";
import type { MilArgument } from "../../compiler/ops/mil.ts";
import { HALF_MAX, halfBits } from "../../compiler/support/half.ts";

export const WEIGHT_PATH = "@model_path/weights/weight.bin";

export interface WeightFile {
  /** Offset of the record that holds `values`, in fp16 or as said; equal tables are stored once. */
  place(values: Float64Array, dtype?: "fp16" | "fp32"): number;
  /** The file, or undefined if nothing was placed. */
  bytes(): Uint8Array | undefined;
}

export function weightFile(): WeightFile {
  const records: BlobRecord[] = [];
  const offsets = new Map<string, number>();
  return {
    place(values, dtype = "fp16") {
      const inRange = (v: number): number => Math.max(-HALF_MAX, Math.min(HALF_MAX, v));
      const numbers = new (dtype === "fp32" ? Float32Array : Uint16Array)(values.length);
      for (let i = 0; i < values.length; i++) {
        const value = inRange(values[i]!);
        numbers[i] = dtype === "fp32" ? value : halfBits(value);
      }
      const data = new Uint8Array(numbers.buffer);
      const digest = createHash("sha256").update(data).digest("hex");
      const known = offsets.get(digest);
      if (known !== undefined) return known;
      records.push({ dtype, data });
      const offset = recordOffset(records, records.length - 1);
      offsets.set(digest, offset);
      return offset;
    },
    bytes: () => (records.length === 0 ? undefined : writeBlob(records).bytes),
  };
}

/** A rule's arguments as the builder takes them. */
export function argumentsOf(
  args: Readonly<Record<string, MilArgument>>,
): Record<string, BuildArgument> {
  const out: Record<string, BuildArgument> = {};
  for (const [name, arg] of Object.entries(args)) {
    if (typeof arg !== "object") out[name] = arg;
    else if (Array.isArray(arg)) out[name] = arg as MilVar[];
    else if ("ints" in arg) out[name] = arg.ints;
    else out[name] = arg as MilVar;
  }
  return out;
}
