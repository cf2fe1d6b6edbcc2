/** Event files of TensorBoard, read by a decoder that shares nothing with what writes them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c, eventFileName, fileBegin, scalars } from "../../../formats/tensorboard.ts";
import { crc32cByBits, eventsOf } from "./event_file.ts";

test("the checksum is CRC-32C", () => {
  // The check value of the catalogue of CRCs, and those of RFC 3720, appendix B.4.
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(crc32c(bytes)).toBe(crc32cByBits(bytes));
    }),
  );
});

test("numbers come back as they were written, rounded to fp32; what is not finite is left out", () => {
  const values = fc.dictionary(fc.string({ minLength: 1 }), fc.double());
  const event = fc.tuple(fc.nat(2 ** 31), fc.maxSafeNat(), values);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), (written) => {
      const parts = written.map(([time, step, of]) =>
        scalars(time, step, new Map(Object.entries(of))),
      );
      const read = eventsOf(Buffer.concat([fileBegin(7.5, 3), ...parts]));
      expect(read.slice(0, 2)).toEqual([
        { time: 7.5, step: 0, version: "brain.Event:2", isStart: false, values: {} },
        { time: 7.5, step: 3, isStart: true, values: {} },
      ]);
      const wanted = written.map(([time, step, of]) => {
        const finite = Object.entries(of).filter(([, value]) => Number.isFinite(value));
        const rounded = finite.map(([tag, value]) => [tag, Math.fround(value)]);
        return { time, step, isStart: false, values: Object.fromEntries(rounded) };
      });
      expect(read.slice(2)).toEqual(wanted);
    }),
  );
});

test("files of a folder are read in the order in which they were made, whatever the clock says", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 31), { minLength: 1, maxLength: 12 }), (times) => {
      const names: string[] = ["hparams.txt"];
      for (const time of times) names.push(eventFileName(time, names));
      const files = names.slice(1);
      expect([...files].sort()).toEqual(files);
      expect(new Set(files).size).toBe(times.length);
    }),
  );
});
