/** Programs in numbers, counted by hand. */
import { expect, test } from "vitest";
import { commentsOf } from "../../../compiler/mil/comments.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { bytesOf, elementBits, milStats, weightFileNames } from "../../../compiler/mil/stats.ts";
import { textOf } from "../../../compiler/support/source.ts";

const read = (text: string) => parseMil({ path: "p.mil", text });

const blob = (type: string, offset: number): string =>
  `${type}(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(${offset})))`;

const program = read(`program(1.3)
{
  func main<ios18>(tensor<fp16, [1, 4, 8]> x, state<tensor<fp32, [3]>> s) {
    tensor<fp16, [8, 16]> w = const()[name = string("w"), val = ${blob("tensor<fp16, [8, 16]>", 64)}];
    tensor<fp16, [8, 16]> again = const()[val = ${blob("tensor<fp16, [8, 16]>", 64)}];
    tensor<int4, [5]> small = const()[val = ${blob("tensor<int4, [5]>", 448)}];
    tensor<int32, [2]> shape = const()[val = tensor<int32, [2]>([4, 16])];
    tensor<fp16, [1, 4, 16]> m = matmul(x = x, y = w, transpose_x = bool(false), transpose_y = bool(false));
    tensor<fp16, [1, 4, 16]> r = relu(x = m);
    tensor<fp16, [1, 4, 16]> q = relu(x = r);
    tensor<fp16, [4, 16]> y = reshape(x = q, shape = shape);
    tensor<fp16, [4, 16]> z = invented(x = y);
  } -> (y, z);
  func open<ios18>(tensor<fp16, [1, ?]> x) { tensor<fp16, [1, ?]> y = exp(x = x); } -> (y);
  func empty<ios18>() {} -> ();
}`);

test("ops, ports, weights and work of a function", () => {
  const [main] = milStats(program);
  expect(main!.ops).toEqual([
    { op: "relu", count: 2 },
    { op: "invented", count: 1 },
    { op: "matmul", count: 1 },
    { op: "reshape", count: 1 },
  ]);
  expect(main).toMatchObject({ name: "main", opset: "ios18", statements: 9, constants: 4 });
  expect(main!.ports.map((p) => [p.name, p.role, p.bytes])).toEqual([
    ["x", "input", 64],
    ["s", "state", 12],
    ["y", "output", 128],
    ["z", "output", 128],
  ]);
  // 8·16 halves once, 5 elements of 4 bits; two int32 and the two bools of the product.
  expect(main!.weights).toEqual({ records: 2, fileBytes: 256 + 3, inlineBytes: 8 + 2 });
  expect(weightFileNames(program.functions[0]!)).toEqual(["@model_path/weights/weight.bin"]);
  // 2·4·8·16 of the product, 64 of each relu.
  expect(main!.flops).toBe(1024 + 128);
  expect(main!.uncounted).toEqual(["invented"]);
  expect(main!.largest).toMatchObject({ binding: { name: "m" }, op: "matmul", bytes: 128 });
});

test("open sizes and empty functions", () => {
  const [, open, empty] = milStats(program);
  expect(open!.ports.map((p) => p.bytes)).toEqual([undefined, undefined]);
  expect(open).toMatchObject({ flops: 0, uncounted: ["exp"], largest: undefined });
  expect(empty).toMatchObject({ statements: 0, ops: [], ports: [], flops: 0, largest: undefined });
});

test.each([
  ["fp16", 16],
  ["bf16", 16],
  ["int4", 4],
  ["uint1", 1],
  ["bool", 8],
  ["string", 0],
  ["uint64", 64],
] as const)("an element of %s has %d bits", (element, bits) => {
  expect(elementBits(element)).toBe(bits);
});

test("bytes are rounded up to whole ones", () => {
  expect(bytesOf({ kind: "tensor", element: "uint1", shape: [9] })).toBe(2);
  expect(bytesOf({ kind: "tensor", element: "fp16", shape: [2, "?"] })).toBe(undefined);
  expect(bytesOf({ kind: "scalar", element: "fp32" })).toBe(4);
});

test("comments are found, and strings are none", () => {
  const text = `// first\nprogram(1.3) // second\n{ func f<ios18>() { string s = const()[val = string("a // b")]; //\n } -> (s); }\n//last`;
  const found = commentsOf({ path: "p.mil", text }).map(textOf);
  expect(found).toEqual(["// first", "// second", "//", "//last"]);
  expect(commentsOf({ path: "p.mil", text: "program(1.3) {}" })).toEqual([]);
});
