/**
 * Messages in protobuf's wire format, field by field.
 *
 *     nested(2, text(1, "a"), whole(3, 7))       field 2: a message whose field 1 is "a" and field 3 is 7
 *
 * A field is a varint of `number << 3 | wire type` and its value: 0 a varint, 1 eight bytes, 2 a length and
 * bytes, 5 four bytes, little-endian. Source: protobuf.dev/programming-guides/encoding.
 */

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

/** An integer, an enum or a bool; negative ones as two's complement in 64 bits. */
export function whole(field: number, value: number | bigint | boolean): Buffer {
  return Buffer.concat([varint(field << 3), varint(BigInt(value))]);
}

export function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint((field << 3) | 1), bytes]);
}

export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), bytes]);
}

/** Raw bytes; also a message, or a packed list, made of parts. */
export function nested(field: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint((field << 3) | 2), varint(length), ...parts]);
}

export function text(field: number, value: string): Buffer {
  return nested(field, Buffer.from(value));
}

/** A packed list of integers, enums or bools. */
export function wholes(field: number, values: readonly (number | bigint | boolean)[]): Buffer {
  return values.length === 0
    ? Buffer.alloc(0)
    : nested(field, ...values.map((value) => varint(BigInt(value))));
}

/** A packed list of floats. */
export function floats(field: number, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return values.length === 0 ? bytes : nested(field, bytes);
}

/** A packed list of doubles. */
export function doubles(field: number, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeDoubleLE(value, 8 * i);
  return values.length === 0 ? bytes : nested(field, bytes);
}

/** An entry of a map: its key, and its value as field 2. */
export function entry(field: number, key: string, value: Uint8Array): Buffer {
  return nested(field, text(1, key), value);
}
