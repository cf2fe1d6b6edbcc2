/**
 * Event files of TensorBoard, as far as numbers over steps need them.
 *
 * A file is a list of records, each an `Event` in protobuf's wire format:
 *
 *     u64 length   u32 masked crc of those 8 bytes   length bytes   u32 masked crc of them     little-endian
 *
 *     Event       1 wall_time: double   2 step: int64   3 file_version: string   5 summary: Summary
 *                 7 session_log: SessionLog
 *     Summary     1 value: repeated Value
 *     Value       1 tag: string   2 simple_value: float
 *     SessionLog  1 status: 1 for START
 *
 * The first event says `brain.Event:2`. A START at a step tells readers to forget what earlier files of the
 * folder have from that step on: it is how a run that is resumed repeats steps without doubling them.
 *
 * Source: tensorflow/core/util/event.proto, summary.proto and lib/io/record_writer.cc.
 */
import { double, float, nested, text, whole } from "../compiler/support/protobuf.ts";

/** CRC-32C (Castagnoli): the polynomial 0x1EDC6F41, reflected. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/** masked = rotate_right(crc, 15) + 0xa282ead8, so that a crc of bytes that hold one is not trivial. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function record(data: Buffer): Buffer {
  const framed = Buffer.alloc(data.length + 16);
  framed.writeBigUInt64LE(BigInt(data.length), 0);
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8);
  data.copy(framed, 12);
  framed.writeUInt32LE(maskedCrc(data), 12 + data.length);
  return framed;
}

/** The begin of a file: its version, and that steps from `step` on are this file's. `time`: seconds since 1970. */
export function fileBegin(time: number, step: number): Uint8Array {
  const version = record(Buffer.concat([double(1, time), text(3, "brain.Event:2")]));
  const start = [double(1, time), whole(2, step), nested(7, whole(1, 1))];
  return Buffer.concat([version, record(Buffer.concat(start))]);
}

/** Numbers by tag at a step; those that are not finite are left out. `time`: seconds since 1970. */
export function scalars(
  time: number,
  step: number,
  values: ReadonlyMap<string, number>,
): Uint8Array {
  const finite = [...values].filter(([, value]) => Number.isFinite(value));
  const summary = finite.map(([tag, value]) => nested(1, text(1, tag), float(2, value)));
  const event = [double(1, time), whole(2, step), nested(5, ...summary)];
  return record(Buffer.concat(event));
}

/**
 * The name of the file that comes after those of a folder: readers take them in the order of their names.
 * `time`: seconds since 1970.
 */
export function eventFileName(time: number, others: readonly string[]): string {
  const earlier = others.map((name) => Number(/tfevents\.(\d+)/.exec(name)?.[1] ?? 0));
  const seconds = Math.max(Math.floor(time), ...earlier);
  const number = others.filter((name) => name.includes("tfevents.")).length;
  return `events.out.tfevents.${String(seconds).padStart(10, "0")}.anec.${String(number).padStart(4, "0")}`;
}
