import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type BlobRecord,
  blobBytes,
  blobValues,
  readBlobRecord,
  writeBlob,
} from "../../../compiler/bundle/blob.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]?.code ?? "";
    throw error;
  }
  return "none";
}

test("records of 128 bytes: the second stands at 256, as in the format's own example", () => {
  const data = new Uint8Array(128).fill(7);
  const { bytes, offsets } = writeBlob([
    { dtype: "fp16", data },
    { dtype: "int8", data },
  ]);
  expect(offsets).toEqual([64, 256]);
  expect(bytes.length).toBe(448);
});

test("every field is where the format says", () => {
  const { bytes } = writeBlob([{ dtype: "uint4", data: bytesOf(0x21, 0x03), paddingBits: 4 }]);
  const view = new DataView(bytes.buffer);
  expect(view.getUint32(0, true)).toBe(1);
  expect(view.getUint32(4, true)).toBe(2);
  expect([...bytes.subarray(64, 68)]).toEqual([0xef, 0xbe, 0xad, 0xde]);
  expect(view.getUint32(68, true)).toBe(11);
  expect(view.getBigUint64(72, true)).toBe(2n);
  expect(view.getBigUint64(80, true)).toBe(128n);
  expect(view.getBigUint64(88, true)).toBe(4n);
  expect([...bytes.subarray(128, 131)]).toEqual([0x21, 0x03, 0]);
  expect(bytes.length).toBe(192);
});

test.each([
  ["fp16", bytesOf(0x00, 0x3c, 0x00, 0xc0), [1, -2]],
  ["bf16", bytesOf(0x80, 0x3f, 0x00, 0xc0), [1, -2]],
  ["fp32", bytesOf(0, 0, 0x80, 0x3f), [1]],
  ["int8", bytesOf(255, 127), [-1, 127]],
  ["uint8", bytesOf(255, 127), [255, 127]],
  ["int16", bytesOf(0xfe, 0xff), [-2]],
  ["uint16", bytesOf(0xfe, 0xff), [65534]],
  ["int32", bytesOf(0xff, 0xff, 0xff, 0xff), [-1]],
  ["uint32", bytesOf(0xff, 0xff, 0xff, 0xff), [4294967295]],
  ["uint4", bytesOf(0x21), [1, 2]],
  ["int4", bytesOf(0xf1), [1, -1]],
  ["uint1", bytesOf(0b101), [1, 0, 1, 0, 0, 0, 0, 0]],
  ["uint2", bytesOf(0b11_10_01_00), [0, 1, 2, 3]],
  ["uint3", bytesOf(0b10_001_111, 0b1), [7, 1, 6, 0, 0]],
] as const)("%s elements", (dtype, data, values) => {
  expect([...blobValues({ dtype, data })]).toEqual(values);
});

test("padding bits hold no elements", () => {
  expect([...blobValues({ dtype: "uint4", data: bytesOf(0x21, 0x03), paddingBits: 4 })]).toEqual([
    1, 2, 3,
  ]);
  expect(blobBytes("uint4", 3)).toBe(2);
  expect(blobBytes("fp16", 3)).toBe(6);
});

const record = fc
  .tuple(
    fc.constantFrom("fp16", "fp32", "int8", "uint8", "int32"),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(
    ([dtype, bytes]): BlobRecord =>
      ({ dtype, data: bytes.slice(0, bytes.length & ~3) }) as BlobRecord,
  );

test("what is written is read back, wherever the file lies in memory", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 6 }), (records) => {
      const { bytes, offsets } = writeBlob(records);
      const shifted = new Uint8Array(bytes.length + 3).subarray(3);
      shifted.set(bytes);
      for (const [i, r] of records.entries()) {
        expect(offsets[i]! % 64).toBe(0);
        const found = readBlobRecord(shifted, offsets[i]!);
        expect(found.dtype).toBe(r.dtype);
        expect([...found.data]).toEqual([...r.data]);
      }
    }),
  );
});

test.each([
  ["a short file", (b: Uint8Array) => b.subarray(0, 60), 64, "E0750"],
  ["another version", (b: Uint8Array) => b.fill(1, 4, 5), 64, "E0750"],
  ["an offset in the header", (b: Uint8Array) => b, 0, "E0751"],
  ["an offset that is no multiple of 64", (b: Uint8Array) => b, 72, "E0751"],
  ["an offset of a payload", (b: Uint8Array) => b, 128, "E0751"],
  ["an offset behind the file", (b: Uint8Array) => b, 2 ** 40, "E0751"],
  ["an offset that is no number", (b: Uint8Array) => b, Number.NaN, "E0751"],
  ["an unknown type", (b: Uint8Array) => b.fill(99, 68, 69), 64, "E0752"],
  ["half an element", (b: Uint8Array) => b.fill(3, 72, 73), 64, "E0752"],
  ["a payload elsewhere", (b: Uint8Array) => b.fill(192, 80, 81), 64, "E0752"],
  ["a size behind the file", (b: Uint8Array) => b.fill(255, 72, 80), 64, "E0752"],
  ["padding in whole bytes", (b: Uint8Array) => b.fill(1, 88, 89), 64, "E0752"],
] as const)("%s is refused", (_, damage, offset, code) => {
  const { bytes } = writeBlob([{ dtype: "fp16", data: new Uint8Array(64).fill(1) }]);
  expect(codeOf(() => readBlobRecord(damage(bytes), offset))).toBe(code);
});

test("a damaged file is read or refused, never more", () => {
  const { bytes, offsets } = writeBlob([
    { dtype: "fp32", data: new Uint8Array(64).fill(9) },
    { dtype: "uint4", data: new Uint8Array(5), paddingBits: 4 },
  ]);
  const place = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(place, { maxLength: 4 }), fc.nat(bytes.length), (changes, length) => {
      const copy = bytes.slice();
      for (const { at, to } of changes) copy[at] = to;
      for (const offset of offsets) {
        codeOf(() => blobValues(readBlobRecord(copy, offset)));
        codeOf(() => blobValues(readBlobRecord(copy.subarray(0, length), offset)));
      }
    }),
    { numRuns: 2000 },
  );
});
