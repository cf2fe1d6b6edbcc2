/** Reads event files of TensorBoard: a decoder of its own, straight from the description of the format. */
import { expect } from "vitest";
import { fieldsOf } from "../../support/protobuf.ts";

export interface Event {
  readonly time: number;
  readonly step: number;
  readonly version?: string;
  readonly isStart: boolean;
  readonly values: Readonly<Record<string, number>>;
}

/** The slow way: one bit after the other, with the polynomial as it is written in the standard. */
export function crc32cByBits(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    for (let bit = 0n; bit < 8n; bit++) {
      const flips = ((crc >> 31n) & 1n) !== ((BigInt(byte) >> bit) & 1n);
      crc = ((crc << 1n) & 0xffffffffn) ^ (flips ? 0x1edc6f41n : 0n);
    }
  }
  let reflected = 0n;
  for (let bit = 0n; bit < 32n; bit++) reflected |= ((crc >> bit) & 1n) << (31n - bit);
  return Number(reflected ^ 0xffffffffn);
}

function unmasked(masked: number): number {
  const rotated = (BigInt(masked) - 0xa282ead8n + (1n << 32n)) & 0xffffffffn;
  return Number(((rotated << 15n) | (rotated >> 17n)) & 0xffffffffn);
}

/** The whole records of a file; those that are torn at its end are left out. */
export function eventsOf(bytes: Buffer): Event[] {
  const events: Event[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(unmasked(bytes.readUInt32LE(at + 8))).toBe(crc32cByBits(bytes.subarray(at, at + 8)));
    const end = at + 12 + length;
    if (end + 4 > bytes.length) break;
    const data = bytes.subarray(at + 12, end);
    expect(unmasked(bytes.readUInt32LE(end))).toBe(crc32cByBits(data));
    events.push(eventOf(data));
    at = end + 4;
  }
  return events;
}

function eventOf(data: Buffer): Event {
  const fields = new Map(fieldsOf(data));
  const version = fields.get(3)?.toString();
  const summary = (fields.get(5) as Buffer | undefined) ?? Buffer.alloc(0);
  const values = fieldsOf(summary).map(([, value]) => {
    const of = new Map(fieldsOf(value as Buffer));
    return [String(of.get(1)), of.get(2) as number] as const;
  });
  const session = fields.get(7) as Buffer | undefined;
  return {
    time: fields.get(1) as number,
    step: (fields.get(2) as number | undefined) ?? 0,
    ...(version === undefined ? {} : { version }),
    isStart: session !== undefined && new Map(fieldsOf(session)).get(1) === 1,
    values: Object.fromEntries(values),
  };
}
