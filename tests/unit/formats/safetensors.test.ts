import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { duplicateKey } from "../../../formats/json_keys.ts";
import {
  encodeSafetensors,
  parseSafetensors,
  readSafetensors,
  writeSafetensors,
} from "../../../formats/safetensors.ts";
import {
  DTYPE_BYTES,
  type Dtype,
  dtypes,
  fromFloat32,
  fromFloat64,
  fromHalfBits,
  fromInt32,
  fromUint8,
  fromUint32,
  type Tensor,
  toFloat32,
  toFloat64,
  toInt32,
} from "../../../formats/tensor.ts";

function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError)
      return `${error.diagnostics[0]!.code} ${error.diagnostics[0]!.title}`;
    throw error;
  }
  return "no error";
}

/** A file with a header as given, and `bytes` zero bytes of data. */
function fileOf(header: unknown, bytes: number): Uint8Array {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(bytes)]);
}

const entry = (dtype: string, shape: unknown, begin: unknown, end: unknown) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const joined = (chunks: Iterable<Uint8Array>): Uint8Array => Buffer.concat([...chunks]);

const tensorArbitrary: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(4), { maxLength: 3 }))
  .chain(([dtype, shape]) => {
    const bytes = shape.reduce((a, b) => a * b, 1) * DTYPE_BYTES[dtype];
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((data) => ({ dtype, shape, data }));
  });

test("what is encoded is read back, in any order of the tensors", () => {
  const name = fc.string({ unit: "grapheme" }).filter((s) => s !== "__metadata__");
  fc.assert(
    fc.property(
      fc.dictionary(name, tensorArbitrary),
      fc.dictionary(fc.string(), fc.string()),
      (tensors, metadata) => {
        const pairs = Object.entries(tensors);
        const bytes = joined(encodeSafetensors(new Map(pairs), metadata));
        expect(joined(encodeSafetensors(new Map(pairs.reverse()), metadata))).toEqual(bytes);
        const read = parseSafetensors(bytes, "x");
        expect(Object.fromEntries(read.metadata ? Object.entries(read.metadata) : [])).toEqual(
          Object.fromEntries(Object.entries(metadata)),
        );
        expect(read.tensors.size).toBe(pairs.length);
        for (const [key, { dtype, shape, data }] of pairs) {
          const found = read.tensors.get(key)!;
          expect(found.dtype).toBe(dtype);
          expect(found.shape).toEqual(shape);
          expect(Buffer.compare(found.data, data)).toBe(0);
        }
      },
    ),
  );
});

test("every tensor is aligned to its type, and the data to 8 bytes", () => {
  const tensors = new Map<string, Tensor>([
    ["a", fromUint8([3], Uint8Array.of(1, 2, 3))],
    ["b", fromFloat64([1], Float64Array.of(1))],
    ["c", fromHalfBits([1], Uint16Array.of(0x3c00))],
    ["d", fromFloat32([2], Float32Array.of(1, 2))],
  ]);
  const [head, ...data] = encodeSafetensors(tensors);
  expect(head!.length % 8).toBe(0);
  expect(data.map((chunk) => chunk.length)).toEqual([8, 8, 2, 3]);
  // Chunks are the tensors' own memory.
  expect(data[0]!.buffer).toBe(tensors.get("b")!.data.buffer);
});

test("a file is read without copying its tensors", () => {
  const folder = mkdtempSync(join(tmpdir(), "anec-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "a.safetensors");
  const w = Float32Array.from({ length: 6 }, (_, i) => i / 3);
  writeSafetensors(path, new Map([["w", fromFloat32([2, 3], w)]]), { format: "pt" });
  const { tensors, metadata } = readSafetensors(path);
  const read = tensors.get("w")!;
  expect(metadata).toEqual({ format: "pt" });
  expect(toFloat32(read)).toEqual(w);
  expect(toFloat32(read).buffer).toBe(read.data.buffer);
});

test("a header by another writer is read: no padding, tensors in any order, an empty tensor", () => {
  const header = {
    b: entry("U8", [1], 4, 5),
    a: entry("F32", [], 0, 4),
    none: entry("F32", [0, 7], 4, 4),
  };
  const { tensors } = parseSafetensors(fileOf(header, 5), "x");
  expect([...tensors.keys()]).toEqual(["a", "none", "b"]);
  expect(toFloat32(tensors.get("a")!)).toEqual(Float32Array.of(0));
});

const faults: readonly [string, Uint8Array, string][] = [
  ["has no length", new Uint8Array(5), "E0710 `x` is not a safetensors file: it has only 5 bytes"],
  [
    "is cut off in the header",
    fileOf({}, 0).subarray(0, 9),
    "E0711 `x` is cut off or not a safetensors file: its header does not fit",
  ],
  [
    "announces an absurd header",
    Buffer.alloc(64, 0xff),
    "E0711 `x` is cut off or not a safetensors file: its header does not fit",
  ],
  [
    "is another format",
    Buffer.from("<!DOCTYPE html><html>Not found</html>"),
    "E0711 `x` is cut off or not a safetensors file: its header does not fit",
  ],
  ["has no JSON", fileOf("{", 0), "E0712 the header of `x` is not a JSON object"],
  [
    "has no UTF-8",
    Buffer.concat([fileOf("ab", 0).subarray(0, 8), Buffer.of(0xff, 0xff)]),
    "E0712 the header of `x` is not a JSON object",
  ],
  ["has a list as header", fileOf("[]", 0), "E0712 the header of `x` is not a JSON object"],
  [
    "has a number for a tensor",
    fileOf({ w: 3 }, 0),
    "E0713 `x`: expected an object as value of `w`",
  ],
  [
    "has no dtype",
    fileOf({ w: { shape: [], data_offsets: [0, 0] } }, 0),
    "E0713 `x`: missing `dtype` of `w`",
  ],
  [
    "has a field too many",
    fileOf({ w: { ...entry("U8", [0], 0, 0), q: 1 } }, 0),
    "E0713 `x`: unexpected field `q` of `w`",
  ],
  [
    "has a dtype that is a number",
    fileOf({ w: { ...entry("U8", [0], 0, 0), dtype: 1 } }, 0),
    "E0713 `x`: expected a text as `dtype` of `w`",
  ],
  [
    "has a shape with fractions",
    fileOf({ w: entry("U8", [0.5], 0, 0) }, 0),
    "E0713 `x`: expected a list of whole numbers as `shape` of `w`",
  ],
  [
    "has a negative dimension",
    fileOf({ w: entry("U8", [-1], 0, 0) }, 0),
    "E0713 `x`: expected a list of whole numbers as `shape` of `w`",
  ],
  [
    "has an offset that is a text",
    fileOf({ w: entry("U8", [0], "0", 0) }, 0),
    "E0713 `x`: expected two whole numbers as `data_offsets` of `w`",
  ],
  [
    "has metadata that is no object",
    fileOf({ __metadata__: [] }, 0),
    "E0713 `x`: expected an object as value of `__metadata__`",
  ],
  [
    "has metadata with a number",
    fileOf({ __metadata__: { a: 1 } }, 0),
    "E0713 `x`: `a` is a number, not a text, in the value of `__metadata__`",
  ],
  [
    "has an unknown type",
    fileOf({ w: entry("F23", [0], 0, 0) }, 0),
    "E0714 `x`: tensor `w` has the unknown type `F23`",
  ],
  [
    "has a tensor of another size",
    fileOf({ w: entry("F32", [2, 3], 0, 20) }, 20),
    "E0715 `x`: tensor `w` has 20 bytes, but F32 [2, 3] needs 24 bytes",
  ],
  [
    "has a shape beyond all files",
    fileOf({ w: entry("F32", [2 ** 40, 2 ** 40], 0, 4) }, 4),
    "E0715 `x`: tensor `w` has 4 bytes, but F32 [1099511627776, 1099511627776] needs more than any file can hold",
  ],
  [
    "is cut off in the data",
    fileOf({ w: entry("F32", [2], 0, 8) }, 6),
    "E0716 `x`: tensor `w` takes bytes 0 to 8 of 6 bytes of data",
  ],
  [
    "has a tensor that ends before it begins",
    fileOf({ w: entry("U8", [0], 4, 2) }, 6),
    "E0716 `x`: tensor `w` takes bytes 4 to 2 of 6 bytes of data",
  ],
  [
    "has tensors that overlap",
    fileOf({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 2, 6) }, 6),
    "E0717 `x`: tensors `a` and `b` overlap at byte 2",
  ],
  [
    "has a gap",
    fileOf({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 3, 5) }, 5),
    "E0718 `x`: data bytes 2 to 3 belong to no tensor",
  ],
  [
    "has bytes at its end",
    fileOf({ a: entry("U8", [2], 0, 2) }, 9),
    "E0718 `x`: data bytes 2 to 9 belong to no tensor",
  ],
  [
    "names a tensor twice",
    fileOf(
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
    ),
    "E0719 `x`: `a` occurs twice in the header",
  ],
];

test.each(faults)("a file that %s is refused", (_, bytes, expected) => {
  expect(errorOf(() => parseSafetensors(bytes, "x"))).toBe(expected);
});

test("no bytes whatever make the reader fail otherwise than with a diagnostic", () => {
  const good = joined(
    encodeSafetensors(new Map([["w", fromFloat32([2], Float32Array.of(1, 2))]]), { a: "b" }),
  );
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
      const bytes = Uint8Array.from(good);
      bytes[at] = byte;
      errorOf(() => parseSafetensors(bytes.subarray(0, end), "x"));
      errorOf(() => parseSafetensors(bytes, "x"));
    }),
  );
});

test("a key that occurs twice in one object is found, at any depth", () => {
  expect(duplicateKey('{"a": 1, "b": {"a": 2}, "c": ["a", {"a": 1}]}')).toBeUndefined();
  expect(duplicateKey('{"a": {"x": 1, "y": "x", "x" : 2}}')).toBe("x");
  expect(duplicateKey('{"\\"": 1, "\\u0022": 2}')).toBe('"');
  fc.assert(fc.property(fc.json(), (json) => duplicateKey(json) === undefined));
});

const tensor = (dtype: Dtype, values: ArrayBufferView & { length: number }): Tensor => ({
  dtype,
  shape: [values.length],
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

test.each([
  ["F64", Float64Array.of(1.5, -2)],
  ["F32", Float32Array.of(1.5, -2)],
  ["F16", Uint16Array.of(0x3e00, 0xc000)],
  ["BF16", Uint16Array.of(0x3fc0, 0xc000)],
] as const)("%s converts to fp32 and fp64, and not to whole numbers", (dtype, values) => {
  const t = tensor(dtype, values);
  expect(toFloat32(t)).toEqual(Float32Array.of(1.5, -2));
  expect(toFloat64(t)).toEqual(Float64Array.of(1.5, -2));
  expect(errorOf(() => toInt32(t, "w"))).toMatch(
    /^E0720 tensor `w` \(\w+\) cannot be read as 32-bit whole/,
  );
});

test.each([
  ["I64", BigInt64Array.of(7n, -1n), [7, -1]],
  ["I32", Int32Array.of(7, -1), [7, -1]],
  ["U32", Uint32Array.of(7, 1), [7, 1]],
  ["U16", Uint16Array.of(7, 65535), [7, 65535]],
  ["U8", Uint8Array.of(7, 255), [7, 255]],
  ["I8", Int8Array.of(7, -1), [7, -1]],
  ["BOOL", Uint8Array.of(1, 0), [1, 0]],
] as const)("%s converts to whole numbers and fractions", (dtype, values, expected) => {
  const t = tensor(dtype, values);
  expect([...toInt32(t, "w")]).toEqual(expected);
  expect([...toFloat32(t)]).toEqual(expected);
  expect([...toFloat64(t)]).toEqual(expected);
});

test("a whole number that does not fit is refused", () => {
  expect(errorOf(() => toInt32(fromUint32([1], Uint32Array.of(2 ** 31)), "w"))).toBe(
    "E0720 tensor `w` (U32) cannot be read as 32-bit whole numbers: 2147483648 does not fit",
  );
});

test("many halves are converted by table, with the same values", () => {
  const bits = Uint16Array.from({ length: 1 << 17 }, (_, i) => i & 0xffff);
  const long = toFloat32(fromHalfBits([bits.length], bits));
  expect(long.slice(0, 65536)).toEqual(toFloat32(fromHalfBits([65536], bits.slice(0, 65536))));
});

test("bytes at an odd place are copied before they are viewed", () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float32Array.of(1, 2).buffer), 1);
  expect(toFloat32({ dtype: "F32", shape: [2], data: bytes.subarray(1) })).toEqual(
    Float32Array.of(1, 2),
  );
});

test("a shape that does not fit its values is our own mistake", () => {
  expect(() => fromInt32([3], Int32Array.of(1))).toThrow("bug in anec");
});
