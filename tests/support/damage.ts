/** Damage to the bytes of a file, as bad disks, cut downloads and bad intentions do it. */
import { UserError } from "../../compiler/support/diagnostic.ts";
import type { Random } from "../../training/random.ts";

/** Values that mean trouble where a number or a name is expected. */
const HOSTILE = [
  ...["0", "-1", "1e308", "99999999999", "null", "true", '""', "[]", "{}", '"../../x"', "1.5"],
];

/** Bytes with a bit flipped, a part cut out or repeated, an end missing, or a value that is another. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.uniformIndex(bytes.length);
  const some = random.uniformIndex(Math.min(40, bytes.length - at) + 1);
  const before = bytes.subarray(0, at);
  switch (random.uniformIndex(5)) {
    case 0: {
      const copy = Uint8Array.from(bytes);
      copy[at] = copy[at]! ^ (1 << random.uniformIndex(8));
      return copy;
    }
    case 1:
      return Buffer.concat([before, bytes.subarray(at + some)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at + some), bytes.subarray(at)]);
    case 3:
      return before;
    default: {
      const text = Buffer.from(bytes).toString("latin1");
      const values = [...text.matchAll(/(?<=[:[,]\s*)("[^"]*"|-?[\d.e+-]+|true|false|null)/g)];
      const value = values[random.uniformIndex(Math.max(1, values.length))];
      if (value === undefined) return before;
      const other = HOSTILE[random.uniformIndex(HOSTILE.length)]!;
      const end = value.index + value[0].length;
      return Buffer.from(text.slice(0, value.index) + other + text.slice(end), "latin1");
    }
  }
}

/** Whether `work` refused; anything but a `UserError` is thrown on. */
export function refuses(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}
