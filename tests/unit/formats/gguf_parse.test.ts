/** The container: what is written is read, and damage is named. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGguf } from "../../../formats/gguf.ts";
import { type GgufTensor, parseGgufParts } from "../../../formats/gguf_parse.ts";
import { type GgufValue, type ScalarType, valueTypes } from "../../../formats/gguf_types.ts";
import type { WeightSet } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { TOY_IDS, toyTokenizer } from "../../support/toy_tokenizer.ts";
import { bytesOf, bytesOfParts, errorIn } from "./gguf_support.ts";

const whole = (bits: number, signed: boolean): fc.Arbitrary<number> =>
  fc.integer({ min: signed ? -(2 ** (bits - 1)) : 0, max: 2 ** (signed ? bits - 1 : bits) - 1 });

const SCALARS: Readonly<Record<ScalarType, fc.Arbitrary<number | bigint | boolean | string>>> = {
  u8: whole(8, false),
  i8: whole(8, true),
  u16: whole(16, false),
  i16: whole(16, true),
  u32: whole(32, false),
  i32: whole(32, true),
  f32: fc.float(),
  f64: fc.double(),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  bool: fc.boolean(),
  string: fc.string({ unit: "grapheme" }),
};

const scalarTypes = valueTypes.filter((t): t is ScalarType => t !== "array");

const value: fc.Arbitrary<GgufValue> = fc.constantFrom(...scalarTypes).chain((type) =>
  fc.oneof(
    SCALARS[type].map((v): GgufValue => ({ type, value: v })),
    fc
      .array(SCALARS[type], { maxLength: 5 })
      .map((items): GgufValue => ({ type: "array", of: type, items })),
  ),
);

const tensor: fc.Arbitrary<GgufTensor> = fc
  .tuple(fc.constantFrom("F32", "F16", "BF16"), fc.array(fc.nat(5), { maxLength: 4 }))
  .chain(([type, shape]) => {
    const bytes = shape.reduce((a, b) => a * b, 1) * (type === "F32" ? 4 : 2);
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((data) => ({ type, shape, data }));
  });

test("values and tensors of every type are read as they were written", () => {
  const names = fc.string({ unit: "grapheme" }).filter((key) => key !== "general.alignment");
  fc.assert(
    fc.property(fc.dictionary(names, value), fc.dictionary(names, tensor), (values, tensors) => {
      const [given, lying] = [Object.entries(values), Object.entries(tensors)];
      const bytes = bytesOfParts(new Map(given), new Map(lying));
      const read = parseGgufParts(bytes, "x");
      expect([...read.values]).toEqual(given);
      expect([...read.tensors.keys()]).toEqual(lying.map(([key]) => key));
      for (const [key, { type, shape, data }] of lying) {
        const found = read.tensors.get(key)!;
        expect([found.type, found.shape]).toEqual([type, shape]);
        expect(Buffer.compare(found.data, data)).toBe(0);
      }
    }),
  );
});

// Damaged files, made by hand: numbers, texts and bytes one after another.

const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};
const u64 = (n: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
};
const text = (s: string): Buffer => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);
const start = (tensors: number | bigint, values: number | bigint, version = 3): Buffer =>
  Buffer.concat([Buffer.from("GGUF"), u32(version), u64(tensors), u64(values)]);

/** A file with F32 tensors of given names, sizes (as in the file) and offsets, and `bytes` of data. */
function fileOf(
  entries: readonly (readonly [string, readonly (number | bigint)[], number | bigint, number?])[],
  bytes: number,
  values: readonly Buffer[] = [],
): Buffer {
  const head = Buffer.concat([
    start(entries.length, values.length),
    ...values,
    ...entries.flatMap(([name, sizes, offset, type = 0]) => [
      ...[text(name), u32(sizes.length), ...sizes.map(u64), u32(type), u64(offset)],
    ]),
  ]);
  const padded = Buffer.alloc(Math.ceil(head.length / 32) * 32 + bytes);
  head.copy(padded);
  return padded;
}

const alignment = (n: number): Buffer => Buffer.concat([text("general.alignment"), u32(4), u32(n)]);

const faults: readonly [string, Uint8Array, string][] = [
  ["is empty", Buffer.alloc(0), "E0788 `x` is not a GGUF file"],
  ["is another format", Buffer.from("<!DOCTYPE html>"), "E0788 `x` is not a GGUF file"],
  [
    "is of version 1",
    start(0, 0, 1),
    "E0789 the GGUF file `x` is of version 1; versions 2 and 3 are read",
  ],
  ["is big-endian", start(0, 0, 0x03000000), "E0789 the GGUF file `x` is for big-endian machines"],
  [
    "ends in its start",
    start(0, 0).subarray(0, 14),
    "E0790 the GGUF file `x` is cut off in the number of tensors",
  ],
  [
    "announces more tensors than it can hold",
    start(2n ** 63n, 0),
    "E0791 the header of `x` makes no sense: it announces 9,223,372,036,854,775,808 tensors, and there is room for at most 0",
  ],
  [
    "announces more values than it can hold",
    start(0, 2n ** 40n),
    "E0791 the header of `x` makes no sense: it announces 1,099,511,627,776 values, and there is room for at most 0",
  ],
  [
    "announces a longer text than it can hold",
    Buffer.concat([start(0, 1), u64(2n ** 62n), Buffer.alloc(16)]),
    "E0791 the header of `x` makes no sense: it announces 4,611,686,018,427,387,904 bytes of the key of value 0, and there is room for at most 16",
  ],
  [
    "announces a longer list than it can hold",
    Buffer.concat([start(0, 1), text("k"), u32(9), u32(5), u64(2n ** 33n), Buffer.alloc(4)]),
    "E0791 the header of `x` makes no sense: it announces 8,589,934,592 items of `k`, and there is room for at most 1",
  ],
  [
    "has a list of lists",
    Buffer.concat([start(0, 1), text("k"), u32(9), u32(9), u64(0)]),
    "E0791 the header of `x` makes no sense: `k` is a list of lists",
  ],
  [
    "has a value of an unknown type",
    Buffer.concat([start(0, 1), text("k"), u32(13), u64(0)]),
    "E0791 the header of `x` makes no sense: `k` is of the unknown type 13",
  ],
  [
    "has a bool that is neither",
    Buffer.concat([start(0, 1), text("k"), u32(7), Buffer.of(2)]),
    "E0791 the header of `x` makes no sense: `k` is neither true nor false but 2",
  ],
  [
    "has a key that is no UTF-8",
    Buffer.concat([start(0, 1), u64(1), Buffer.of(0xff), u32(0), Buffer.of(1)]),
    "E0791 the header of `x` makes no sense: the key of value 0 is not UTF-8",
  ],
  [
    "has a key twice",
    Buffer.concat([start(0, 2), text("k"), u32(0), Buffer.of(1), text("k"), u32(0), Buffer.of(1)]),
    "E0791 the header of `x` makes no sense: the key `k` occurs twice",
  ],
  [
    "has a tensor twice",
    fileOf(
      [
        ["w", [1], 0],
        ["w", [1], 32],
      ],
      64,
    ),
    "E0791 the header of `x` makes no sense: the tensor `w` occurs twice",
  ],
  [
    "has a tensor of five dimensions",
    fileOf([["w", [1, 1, 1, 1, 1], 0]], 32),
    "E0791 the header of `x` makes no sense: tensor `w` has 5 dimensions",
  ],
  [
    "has a tensor of absurd size",
    fileOf([["w", [2n ** 40n, 2n ** 40n], 0]], 32),
    "E0791 the header of `x` makes no sense: tensor `w` is F32 [1099511627776, 1099511627776], which no file can hold",
  ],
  [
    "has an alignment that is no power of two",
    fileOf([], 0, [alignment(24)]),
    "E0791 the header of `x` makes no sense: `general.alignment` is not a u32 that is a power of 2",
  ],
  [
    "has a row of Q8_0 that is not made of blocks",
    fileOf([["w", [16, 2], 0, 8]], 64),
    "E0791 the header of `x` makes no sense: tensor `w` is Q8_0 [2, 16], which no file can hold",
  ],
  [
    "has a tensor of a type that is not read",
    fileOf([["w", [256], 0, 12]], 160),
    "E0792 `x`: tensor `w` is of type Q4_K, which is not read",
  ],
  [
    "has a tensor of an unknown type",
    fileOf([["w", [256], 0, 99]], 160),
    "E0792 `x`: tensor `w` is of type number 99, which is not read",
  ],
  [
    "is cut off in the data",
    fileOf([["w", [9], 0]], 32),
    "E0793 `x`: tensor `w` takes bytes 0 to 36 of 32 bytes of data",
  ],
  [
    "has a tensor that is not aligned",
    fileOf([["w", [1], 4]], 32),
    "E0793 `x`: tensor `w` takes bytes 4 to 8 of 32 bytes of data, which is not aligned to 32",
  ],
  [
    "has tensors that overlap",
    fileOf(
      [
        ["a", [16], 0],
        ["b", [8], 32],
      ],
      96,
    ),
    "E0793 `x`: tensors `a` and `b` overlap at byte 32",
  ],
  [
    "has a gap",
    fileOf(
      [
        ["a", [1], 0],
        ["b", [1], 64],
      ],
      96,
    ),
    "E0793 `x`: data bytes 4 to 64 belong to no tensor",
  ],
  [
    "has bytes at its end",
    fileOf([["a", [1], 0]], 96),
    "E0793 `x`: data bytes 4 to 96 belong to no tensor",
  ],
];

test.each(faults)("a file that %s is refused", (_, bytes, expected) => {
  expect(errorIn(() => parseGgufParts(bytes, "x"))).toBe(expected);
});

test("version 2, another alignment, a missing end of the padding and an empty tensor are read", () => {
  const file = fileOf(
    [
      ["a", [3], 0],
      ["none", [0, 7], 64],
    ],
    64 + 32,
    [alignment(64)],
  );
  const old = Buffer.from(file.subarray(0, Math.ceil(file.length / 64) * 64));
  old.writeUInt32LE(2, 4);
  const { tensors } = parseGgufParts(old.subarray(0, old.length), "x");
  expect([...tensors].map(([key, t]) => [key, t.shape, t.data.length])).toEqual([
    ["a", [3], 12],
    ["none", [7, 0], 0],
  ]);
});

/** The bytes of a file, and how many of them are its header. */
function mutable(weights: WeightSet): { bytes: Uint8Array; header: number } {
  const bytes = bytesOf(weights);
  const { tensors } = parseGgufParts(bytes, "x");
  const first = Math.min(...[...tensors.values()].map((t) => t.data.byteOffset));
  return { bytes, header: first - bytes.byteOffset };
}

test("10,000 mutated files: read, or refused with a diagnostic, in bounded memory", () => {
  const sizes = { ...smallConfig, layers: 1, hidden: 32 };
  const small = mutable(randomWeights({ ...sizes, vocabulary: 32 }));
  const tokenizer = toyTokenizer("qwen2", true);
  const large = mutable({ ...randomWeights({ ...sizes, vocabulary: TOY_IDS }), tokenizer });
  const random = createRandom(7);
  const before = process.memoryUsage().rss;
  let refused = 0;
  for (let round = 0; round < 10_000; round++) {
    const { bytes: good, header } = round % 4 === 0 ? large : small;
    const bytes = Uint8Array.from(good);
    for (let n = random.uniformIndex(3); n >= 0; n--) {
      const values = [0, 1, 0xff, random.uniformIndex(256)];
      bytes[random.uniformIndex(header)] = values[random.uniformIndex(4)]!;
    }
    const end = random.drand48() < 0.2 ? random.uniformIndex(bytes.length) : bytes.length;
    if (errorIn(() => parseGguf(bytes.subarray(0, end), "x")) !== "no error") refused += 1;
  }
  // The rest are changes of a name, of a token's text, or to the byte that was there.
  expect(refused).toBeGreaterThan(6500);
  expect(process.memoryUsage().rss - before).toBeLessThan(512 * 2 ** 20);
});
