/**
 * Weight files: MIL blob storage, version 2, little-endian.
 *
 *     file    header (64) · record · record · …      records start at multiples of 64
 *     header  @0 u32 count    @4 u32 version = 2     zeros
 *     record  descriptor (64) · payload · zeros up to a multiple of 64
 *     descriptor
 *             @0 u32 0xDEADBEEF    @4 u32 dtype    @8 u64 payload bytes
 *             @16 u64 offset of the payload in the file    @24 u64 padding bits    zeros
 *
 * A `BLOBFILE(path, offset)` names the offset of the *descriptor*. All fields are always filled:
 * compilers of some systems check them.
 */
import { blobHeader, blobOffset, blobRecord } from "../messages/mil_run.ts";
import { UserError } from "../support/diagnostic.ts";
import { halfValue } from "../support/half.ts";

/** Element types of weight files with their codes and bits. */
const DTYPES = {
  fp16: { code: 1, bits: 16 },
  fp32: { code: 2, bits: 32 },
  uint8: { code: 3, bits: 8 },
  int8: { code: 4, bits: 8 },
  bf16: { code: 5, bits: 16 },
  int16: { code: 6, bits: 16 },
  uint16: { code: 7, bits: 16 },
  int4: { code: 8, bits: 4 },
  uint1: { code: 9, bits: 1 },
  uint2: { code: 10, bits: 2 },
  uint4: { code: 11, bits: 4 },
  uint3: { code: 12, bits: 3 },
  uint6: { code: 13, bits: 6 },
  int32: { code: 14, bits: 32 },
  uint32: { code: 15, bits: 32 },
} as const;

export type BlobDType = keyof typeof DTYPES;

/** One weight: its elements' bytes in row-major order, without padding to 64. */
export interface BlobRecord {
  readonly dtype: BlobDType;
  readonly data: Uint8Array;
  /** Unused bits at the end of `data`, for elements smaller than a byte. */
  readonly paddingBits?: number;
}

const ALIGNMENT = 64;
const SENTINEL = 0xdeadbeef;
const VERSION = 2;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Whether weight files have elements of this type. */
export function isBlobDType(name: string): name is BlobDType {
  return Object.hasOwn(DTYPES, name);
}

/** Bytes of `count` elements of a type, packed. */
export function blobBytes(dtype: BlobDType, count: number): number {
  return Math.ceil((count * DTYPES[dtype].bits) / 8);
}

/** Where the descriptor of record `index` stands: after the header and the records before it. */
export function recordOffset(records: readonly BlobRecord[], index: number): number {
  const before = records.slice(0, index);
  return before.reduce((end, r) => end + ALIGNMENT + aligned(r.data.length), ALIGNMENT);
}

/** A weight file of `records`, and the offset of each one's descriptor, as `BLOBFILE` wants it. */
export function writeBlob(records: readonly BlobRecord[]): {
  readonly bytes: Uint8Array;
  readonly offsets: readonly number[];
} {
  const offsets = records.map((_, i) => recordOffset(records, i));
  const bytes = new Uint8Array(recordOffset(records, records.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, records.length, true);
  view.setUint32(4, VERSION, true);
  for (const [i, record] of records.entries()) {
    const at = offsets[i]!;
    view.setUint32(at, SENTINEL, true);
    view.setUint32(at + 4, DTYPES[record.dtype].code, true);
    view.setBigUint64(at + 8, BigInt(record.data.length), true);
    view.setBigUint64(at + 16, BigInt(at + ALIGNMENT), true);
    view.setBigUint64(at + 24, BigInt(record.paddingBits ?? 0), true);
    bytes.set(record.data, at + ALIGNMENT);
  }
  return { bytes, offsets };
}

/**
 * The record whose descriptor is at `offset`; its data is a view of `bytes`. `file` names the file
 * in messages. Throws a `UserError` if the file is not a weight file or the record is damaged.
 */
export function readBlobRecord(
  bytes: Uint8Array,
  offset: number,
  file = "the weight file",
): BlobRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, file);
  if (!Number.isSafeInteger(offset) || offset < ALIGNMENT || offset % ALIGNMENT !== 0) {
    throw new UserError(blobOffset(file, offset, "offsets are multiples of 64, from 64 on"));
  }
  if (offset + ALIGNMENT > bytes.length) {
    throw new UserError(blobOffset(file, offset, `the file has ${bytes.length} bytes`));
  }
  if (view.getUint32(offset, true) !== SENTINEL) {
    throw new UserError(blobOffset(file, offset, "no descriptor starts there"));
  }
  const damaged = (problem: string): never => {
    throw new UserError(blobRecord(file, offset, problem));
  };
  const code = view.getUint32(offset + 4, true);
  const dtype = (Object.keys(DTYPES) as BlobDType[]).find((name) => DTYPES[name].code === code);
  if (dtype === undefined) return damaged(`no element type has the code ${code}`);
  const size = view.getBigUint64(offset + 8, true);
  const start = view.getBigUint64(offset + 16, true);
  const padding = view.getBigUint64(offset + 24, true);
  if (start !== BigInt(offset + ALIGNMENT)) {
    damaged(`its payload is said to start at ${start}, not at ${offset + ALIGNMENT}`);
  }
  if (start + size > BigInt(bytes.length)) {
    damaged(`its ${size} bytes end behind the file's ${bytes.length}`);
  }
  const { bits } = DTYPES[dtype];
  if (Number(size) % Math.max(1, bits / 8) !== 0) {
    damaged(`${size} bytes are no whole number of ${dtype} elements`);
  }
  if (padding >= 8n || (bits >= 8 && padding !== 0n) || (size === 0n && padding !== 0n)) {
    damaged(`${padding} padding bits do not suit ${dtype}`);
  }
  const data = bytes.subarray(Number(start), Number(start + size));
  return padding === 0n ? { dtype, data } : { dtype, data, paddingBits: Number(padding) };
}

function checkHeader(view: DataView, file: string): void {
  if (view.byteLength < ALIGNMENT) {
    throw new UserError(blobHeader(file, `it has ${view.byteLength} bytes`));
  }
  const version = view.getUint32(4, true);
  if (version !== VERSION)
    throw new UserError(blobHeader(file, `its version is ${version}, not 2`));
}

/**
 * The elements of a record as numbers. Elements smaller than a byte are packed from the low bits
 * up.
 */
export function blobValues(record: BlobRecord): Float64Array {
  const { dtype, data } = record;
  const { bits } = DTYPES[dtype];
  const unused = record.paddingBits ?? 0;
  const count = Math.floor((data.length * 8 - unused) / bits);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const out = new Float64Array(count);
  if (dtype === "fp16") {
    for (let i = 0; i < count; i++) out[i] = halfValue(view.getUint16(2 * i, true));
    return out;
  }
  const read = reader(dtype, view);
  for (let i = 0; i < count; i++) out[i] = read(i);
  return out;
}

/** Reads element `i` of the packed elements behind `view`. */
function reader(dtype: BlobDType, view: DataView): (i: number) => number {
  switch (dtype) {
    case "fp16":
      return (i) => halfValue(view.getUint16(2 * i, true));
    case "bf16":
      return (i) => {
        const wide = new DataView(new ArrayBuffer(4));
        wide.setUint16(0, view.getUint16(2 * i, true));
        return wide.getFloat32(0);
      };
    case "fp32":
      return (i) => view.getFloat32(4 * i, true);
    case "int32":
      return (i) => view.getInt32(4 * i, true);
    case "uint32":
      return (i) => view.getUint32(4 * i, true);
    case "int16":
      return (i) => view.getInt16(2 * i, true);
    case "uint16":
      return (i) => view.getUint16(2 * i, true);
    case "int8":
      return (i) => view.getInt8(i);
    case "uint8":
      return (i) => view.getUint8(i);
    default: {
      const { bits } = DTYPES[dtype];
      return (i) => {
        const raw = bitsAt(view, i * bits, bits);
        return dtype === "int4" && raw >= 8 ? raw - 16 : raw;
      };
    }
  }
}

function bitsAt(view: DataView, from: number, bits: number): number {
  let value = 0;
  for (let k = 0; k < bits; k++) {
    const bit = from + k;
    value |= ((view.getUint8(bit >> 3) >> (bit & 7)) & 1) << k;
  }
  return value;
}
