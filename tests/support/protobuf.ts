/** Reads messages in protobuf's wire format: straight from its description, with no writer in sight. */

/** A field's number and its value: a number of its wire type, or bytes. */
export type Field = readonly [number: number, value: number | Buffer];

export function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) fields.push([field, varint()]);
    else if (wire === 1) fields.push([field, take(8).readDoubleLE()]);
    else if (wire === 5) fields.push([field, take(4).readFloatLE()]);
    else fields.push([field, take(varint())]);
  }
  return fields;
}

/** The varints of a packed list. */
export function packed(bytes: Buffer): number[] {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = at;
    while (bytes[end]! >= 128) end += 1;
    const digits = [...bytes.subarray(at, end + 1)].map((b) => BigInt(b & 127));
    const value = digits.reduceRight((high, low) => (high << 7n) | low, 0n);
    values.push(Number(BigInt.asIntN(64, value)));
    at = end + 1;
  }
  return values;
}
