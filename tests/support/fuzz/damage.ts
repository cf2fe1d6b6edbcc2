/** Random damage to the bytes of a file, as disks, downloads and strangers do it; it shrinks to the least that matters. */
import fc from "fast-check";

/** Numbers at the edges of what sizes, offsets and counts are stored in. */
const EDGES = [
  ...[0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536].map(BigInt),
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n],
  ...[2n ** 64n - 1n, 2n ** 64n - 8n, 2n ** 40n],
];

/** What text formats trip over. */
const WORDS = [
  ...["0", "-1", "1e308", "1e999", "-0", "NaN", "99999999999999999999", "9007199254740993", "1.5"],
  ...[
    "null",
    "true",
    '""',
    "[]",
    "{}",
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    ",",
    ":",
  ],
  ...[
    '"__proto__"',
    '"constructor"',
    '"../../x"',
    '"/etc/passwd"',
    "{{x}}",
    "\u0000",
    "\ufeff",
    "\n",
    "é",
    "🙂",
  ],
  ...["[".repeat(2000), "(".repeat(500), '{"a":'.repeat(500), "9".repeat(400)],
];

interface Edit {
  readonly kind: number;
  /** Where, and where else: taken modulo what there is. */
  readonly at: number;
  readonly to: number;
  readonly length: number;
  readonly piece: number;
}

type Apply = (bytes: Buffer, edit: Edit, seeds: readonly Buffer[]) => Buffer;

const KINDS: readonly Apply[] = [
  // One bit.
  (bytes, { at, length }) => replaced(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << (length % 8)))),
  // Cut out.
  (bytes, { at, length }) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
  // Repeated.
  (bytes, { at, length }) => Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]),
  // Cut off.
  (bytes, { at }) => bytes.subarray(0, at),
  // Grown.
  (bytes, { length }) => Buffer.concat([bytes, Buffer.alloc(length, 0xff)]),
  // A number of four bytes, or of eight.
  (bytes, { at, piece }) => replaced(bytes, at & ~3, littleEndian(piece, 4)),
  (bytes, { at, piece }) => replaced(bytes, at & ~7, littleEndian(piece, 8)),
  // A word put in.
  (bytes, { at, piece }) => Buffer.concat([bytes.subarray(0, at), word(piece), bytes.subarray(at)]),
  // A value of a text replaced.
  (bytes, { at, piece }) => {
    const text = bytes.toString("latin1");
    const values = [
      ...text.matchAll(/"[^"\n]*"|-?\b[\d.]+(?:e[+-]?\d+)?\b|\b(?:true|false|null)\b/g),
    ];
    const value = values[at % Math.max(1, values.length)];
    if (value === undefined) return bytes;
    const end = value.index + value[0].length;
    return Buffer.concat([bytes.subarray(0, value.index), word(piece), bytes.subarray(end)]);
  },
  // A part moved to another place.
  (bytes, { at, to, length }) => {
    const part = bytes.subarray(at, at + length);
    return Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)]);
  },
  // The begin of one file and the end of another.
  (bytes, { at, to }, seeds) => {
    const other = seeds[to % seeds.length]!;
    return Buffer.concat([bytes.subarray(0, at), other.subarray(at % (other.length + 1))]);
  },
];

function replaced(bytes: Buffer, at: number, part: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + part.length)]);
}

function littleEndian(piece: number, size: 4 | 8): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(EDGES[piece % EDGES.length]!);
  return bytes.subarray(0, size);
}

const word = (piece: number): Buffer => Buffer.from(WORDS[piece % WORDS.length]!);

/** fast-check favours small numbers; places in a file should not, but for its header. */
const scattered = (n: number, size: number): number =>
  n % 3 === 0 ? n % Math.min(size, 512) : (Math.imul(n + 1, 0x9e3779b1) >>> 5) % size;

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.nat(KINDS.length - 1),
  at: fc.nat(2 ** 30),
  to: fc.nat(2 ** 30),
  length: fc.nat(40),
  piece: fc.nat(1000),
});

/** One of the seeds, with one to five edits. */
export function damaged(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.nat(seeds.length - 1), fc.array(edit, { minLength: 1, maxLength: 5 }))
    .map(([which, edits]) => {
      let bytes = seeds[which]!;
      for (const e of edits) {
        const size = bytes.length + 1;
        const placed = { ...e, at: scattered(e.at, size), to: scattered(e.to, size) };
        bytes = KINDS[e.kind]!(bytes, placed, seeds);
      }
      return bytes;
    });
}
