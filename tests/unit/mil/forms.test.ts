/** Every form of MIL text that occurs is read, and printed so that it reads back equal. */
import { expect, test } from "vitest";
import { checkMil } from "../../../compiler/mil/check.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { printMil } from "../../../compiler/mil/print.ts";
import { type MilProgram, sameTree } from "../../../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../../../compiler/support/diagnostic.ts";

/** Parses `text`, holds the print against it, and returns the tree. */
function read(text: string): MilProgram {
  const tree = parseMil({ path: "test.mil", text });
  const printed = printMil(tree);
  const again = parseMil({ path: "printed.mil", text: printed });
  expect(sameTree(again, tree)).toBe(true);
  expect(printMil(again)).toBe(printed);
  return tree;
}

/** A program around statements; `a` and `b` are inputs, `a` is the output. */
function around(body: string, inputs = "tensor<fp16, [1, 8]> a, tensor<fp16, [1, 8]> b"): string {
  return `program(1.3)\n{\n    func main<ios18>(${inputs}) {\n        ${body}\n    } -> (a);\n}\n`;
}

/** The printed statement of a program with one. */
function statement(body: string, inputs?: string): string {
  return (
    printMil(read(around(body, inputs)))
      .split("\n")[3]
      ?.trim() ?? ""
  );
}

const codes = (list: readonly Diagnostic[]): string[] => list.map((d) => d.code);

function mistakes(text: string): readonly Diagnostic[] {
  try {
    parseMil({ path: "test.mil", text });
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics;
    throw error;
  }
  return [];
}

test.each([
  'tensor<string, []> n = const()[name = tensor<string, []>("n"), val = tensor<string, []>("valid")];',
  'string n = const()[name = string("n"), val = string("valid")];',
  'tensor<int32, []> n = const()[name = string("n"), val = tensor<int32, []>(1)];',
])("1. literals keep their style: %s", (line) => {
  expect(statement(line)).toBe(line);
});

test("1. both styles of the program's attribute", () => {
  for (const type of ["dict<string, string>", "dict<tensor<string, []>, tensor<string, []>>"]) {
    const text = `program(1.0)\n[buildInfo = ${type}({{"k", "v"}, {"l", ""}})]\n{\n}\n`;
    const tree = read(text);
    expect(printMil(tree)).toBe(text);
    expect(checkMil(tree)).toEqual([]);
  }
});

test("1. one program may mix both styles", () => {
  const lines = [
    'tensor<fp16, []> p = const()[name = string("p"), val = fp16(0x1p+0)];',
    'fp16 q = const()[name = tensor<string, []>("q"), val = tensor<fp16, []>(0x1p+0)];',
    "tensor<fp16, [1, 8]> y = mul(x = a, y = p);",
    "tensor<fp16, [1, 8]> z = mul(x = y, y = q);",
  ];
  const tree = read(around(lines.join("\n")));
  for (const line of lines) expect(printMil(tree)).toContain(`        ${line}\n`);
  expect(checkMil(tree)).toEqual([]);
});

test.each(["tensor<int32, [1]>(-1)", "tensor<int32, [1]>([1])"])("2. a list of one: %s", (val) => {
  const tree = read(around(`tensor<int32, [1]> n = const()[name = string("n"), val = ${val}];`));
  expect(printMil(tree)).toContain(val);
  expect(checkMil(tree)).toEqual([]);
});

test.each([
  "fp16(0x1p-3)",
  "fp16(0x1.5p-17)",
  "fp16(-0x1p+0)",
  "fp16(0x0p+0)",
  "fp64(0x1.921fb54442d18p+1)",
  "fp64(0x1.5555555555555555p-2)",
  "fp16(0x1p-24)",
  "fp16(inf)",
  "fp16(-inf)",
  "fp16(0.00001)",
  "fp16(1e-05)",
  "fp16(-2.5E+3)",
  "uint64(18446744073709551615)",
])("3. the number %s stays as it is", (val) => {
  const type = val.slice(0, val.indexOf("("));
  const line = `${type} n = const()[name = string("n"), val = ${val}];`;
  expect(statement(line)).toBe(line);
  expect(checkMil(read(around(line)))).toEqual([]);
});

test("3. bare numbers in a dictionary", () => {
  const line =
    'relu(x = a)[EstimatedRuntime = dict<string, fp64>({{"ane", 0x1.8p-10}, {"cpu", 12}})];';
  expect(statement(line)).toBe(line);
});

test("4. inf and nan are literals; words of the grammar are names", () => {
  const line =
    'tensor<fp16, [2]> n = const()[name = string("n"), val = tensor<fp16, [2]>([inf, nan])];';
  expect(statement(line)).toBe(line);
  for (const name of ["or", "st", "pad", "size", "state", "list", "tensor", "func", "fp16"]) {
    const use = `tensor<fp16, [1, 8]> y = add(x = ${name}, y = ${name});`;
    expect(statement(use, `tensor<fp16, [1, 8]> ${name}`)).toBe(use);
  }
});

test.each([
  "tensor<fp16, [?, 8, ?]>",
  "tensor<bool, []>",
  "list<int32, 5>",
  "list<tensor<int32, [2]>, ?>",
  "tuple<string, dict<string, fp64>>",
  "state<tensor<fp16, [1, 8]>>",
  "tensor_buffer<fp16, shape=[1, 8], strides=[8, 1], interleave_factors=[1, 1]>",
  ...["fp32", "fp64", "bf16", "string", "int4", "int8", "int16", "int32", "int64"].map(String),
  ...["uint1", "uint2", "uint3", "uint4", "uint6", "uint8", "uint16", "uint32", "uint64"],
])("5. the type %s", (type) => {
  const line = `${type} y = somewhere(x = a);`;
  expect(statement(line)).toBe(line);
});

test("6. deep nesting of types and values", () => {
  const type =
    "tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>";
  const value = '((("DefaultShapes", {{"x", [4]}}), ("RangeDims", {{"x", [[1, 1], [3, 9]]}})))';
  const text = `program(1.0)\n{\n    func main<ios16>(tensor<fp16, [4]> x) [FlexibleShapeInformation = ${type}${value}] {\n    } -> (x);\n}\n`;
  expect(printMil(read(text))).toBe(text);
  expect(checkMil(read(text))).toEqual([]);
});

test("6. an empty dictionary, and nested lists on a long line", () => {
  const rows = Array.from({ length: 64 }, (_, i) => `[[[${i}, 0x1p+0, ${"1, ".repeat(250)}2]]]`);
  const line = `tensor<fp16, [64, 1, 1, 253]> n = const()[name = string("n"), val = tensor<fp16, [64, 1, 1, 253]>([${rows.join(", ")}]), o = dict<string, string>({})];`;
  expect(line.length).toBeGreaterThan(45_000);
  expect(statement(line)).toBe(line);
  expect(checkMil(read(around(line)))).toEqual([]);
});

test("6. a thousand levels are read; more than the limit is refused with its place", () => {
  const nested = (n: number): string => around(`y(v = ${"[".repeat(n)}${"]".repeat(n)});`);
  read(nested(1000));
  for (const n of [1300, 200_000]) {
    const found = mistakes(nested(n));
    expect(codes(found)).toContain("E0156");
    expect(found[0]?.labels[0]?.span.start).toBeGreaterThan(1200);
  }
  const types = (n: number): string => around(`${"state<".repeat(n)}fp16${">".repeat(n)} y = f();`);
  read(types(1000));
  expect(codes(mistakes(types(100_000)))).toContain("E0156");
});

test("7. attributes of functions; the program's may be missing", () => {
  const text =
    "program(1.3)\n{\n    func main<ios18>(fp16 x) [Launch_ane_ms = fp64(0x1p-3), Other = int32(1)] {\n    } -> (x);\n}\n";
  expect(printMil(read(text))).toBe(text);
  expect(read(text).attributes).toEqual([]);
});

test.each([
  'fp16 y = const()[name = string("y"), val = fp16(1)];',
  'fp16 y = constexpr_affine_dequantize()[axis = int32(0), name = string("y"), quantized_data = tensor<int8, [2]>([1, 2]), scale = fp16(0x1p-3), zero_point = int8(0)];',
  'fp16 y = constexpr_lut_to_dense(indices = a, lut = b)[name = string("y")];',
  "fp16 y = relu(x = a);",
  "fp16 y = tensor_buffer_to_tensor<ios17>(input = a);",
  'fp16 y = add(x = tensor<fp16, [1]>([1]), y = tensor<fp16, [4]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))));',
  "fp16 y = matmul(x = a, y = b, transpose_x = true, groups = 1);",
])("8. the op %s", (line) => {
  expect(statement(line)).toBe(line);
});

test.each([
  'tensor<fp16, []>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64)))',
  'fp16(BLOBFILE(path = tensor<string, []>("@model_path/other.bin"), offset = tensor<uint64, []>(4294967296)))',
])("9. the weight %s", (val) => {
  const line = `fp16 w = const()[name = string("w"), val = ${val}];`;
  expect(statement(line)).toBe(line);
  expect(checkMil(read(around(line)))).toEqual([]);
});

test.each([
  'tensor<fp16, [1, 4]> p, tensor<fp16, [1, 4]> q = split(axis = k, num_splits = n, x = a)[name = string("s")];',
  'write_state(input = kv, data = a)[name = string("w")];',
  "sync<ios18>();",
  "tensor<fp16, [2, 8]> y = concat(axis = k, values = (a, b));",
])("10. several results, none, and variadic arguments: %s", (line) => {
  expect(statement(line)).toBe(line);
});

test("11. attributes of Apple's segmenter, with escaped quotes", () => {
  const line =
    'fp16 y = lstm(x = a)[BackendSupport = list<string, 2>(["ane", "cpu"]), ValidationMessage = dict<string, string>({{"ane", "Unsupported MIL operation \\"lstm\\"."}}), milId = uint64(5)];';
  expect(statement(line)).toBe(line);
  const value = read(around(line)).functions[0]?.body[0]?.attributes[1]?.value;
  expect(JSON.stringify(value)).toContain(String.raw`operation \"lstm\"`);
});

test("12. white space anywhere or nowhere, comments, no final line break", () => {
  const text =
    "program(1.3){func main<ios18>(tensor<fp16,[1,64,256]>X){// squares\n\n" +
    'tensor<fp16,[1,64,256]> X3  =mul(x=X,  \r\n\ty=X)\n[name\n=string("X3")]\n; // done\n}->(X3);}// end';
  const tree = read(text);
  expect(printMil(tree)).toContain(
    'tensor<fp16, [1, 64, 256]> X3 = mul(x = X, y = X)[name = string("X3")];',
  );
  expect(checkMil(tree)).toEqual([]);
});

test("13. arguments in any order, and `name` anywhere or nowhere", () => {
  for (const line of [
    'tensor<fp16, [1, 8]> y = add(y = b, x = a)[milId = uint64(5), name = string("other")];',
    "tensor<fp16, [1, 8]> y = add(x = a, y = b);",
  ]) {
    expect(statement(line)).toBe(line);
    expect(checkMil(read(around(line)))).toEqual([]);
  }
});

test("14. names may repeat between functions; twice in one is a warning", () => {
  const func = (name: string, body: string): string =>
    `    func ${name}<ios18>(tensor<fp16, [8]> x) {\n${body}    } -> (y);\n`;
  const line = "        tensor<fp16, [8]> y = relu(x = x);\n";
  const two = read(`program(1.3)\n{\n${func("f", line)}${func("g", line)}}\n`);
  expect(two.functions.map((f) => f.name)).toEqual(["f", "g"]);
  expect(checkMil(two)).toEqual([]);
  const found = checkMil(read(`program(1.3)\n{\n${func("f", line + line)}}\n`));
  expect(found.map((d) => [d.code, d.severity])).toEqual([["E0351", "warning"]]);
});

test("14. a function does not see the names of another", () => {
  const text =
    "program(1.3) { func f<ios18>(fp16 x) { fp16 y = relu(x = x); } -> (y); func g<ios18>(fp16 z) { } -> (y); }";
  expect(checkMil(read(text)).map((d) => [d.code, d.title])).toEqual([
    ["E0352", "function `g` returns `y`, which it does not define"],
  ]);
});

test("15. coremltools' listing is refused by name", () => {
  const found = mistakes("\nmain[CoreML8](%x: (1, 2, fp16)(Tensor)) {\n  block0() {\n");
  expect(codes(found)).toEqual(["E0151"]);
});

test.each([
  "fp16 y = cond(pred = a) { fp16 z = relu(x = a); } -> (z);",
  'fp16 y = cond(pred = a)[name = string("y")] { fp16 z = relu(x = a); } -> (z), { } -> (a);',
  "fp16 y = while_loop(loop_vars = (a, b)) test(fp16 p) { bool q = f(x = p); { g(); } } -> (q) { };",
])("16. nested blocks are refused by name, and what follows is read: %s", (line) => {
  const text = around(`${line}\nfp16 r = relu(x = 1x2);\nfp16 s = relu(x a);`);
  const found = mistakes(text);
  expect(codes(found)).toEqual(["E0157", "E0154", "E0150"]);
  const place = found[0]!.labels[0]!.span.start;
  expect(place).toBeGreaterThan(text.indexOf(line));
  expect(place).toBeLessThanOrEqual(text.indexOf("{ ", text.indexOf(line)));
});

test("16. a block that does not end is refused by name", () => {
  const found = mistakes(around("fp16 y = cond(pred = a) { fp16 z = relu(x = a);"));
  expect(codes(found)[0]).toBe("E0157");
  expect(found.every((d) => d.labels.length > 0)).toBe(true);
});

test("several mistakes are found in one run, in the order of the text", () => {
  const text = around(
    "tenzor<fp16, [1]> p = relu(x = a);\nfp16 q = relu(x a);\nfp16 ok = relu(x = a);\nfp16 r = relu(x = 1x2);\nfp16 s = %relu(x = a)",
  );
  const found = mistakes(text);
  expect(codes(found)).toEqual(["E0155", "E0150", "E0154", "E0152", "E0150"]);
  expect(found[0]?.help[0]?.text).toBe("did you mean `tensor`?");
});

test.each([
  ["", "E0158"],
  ["\u0000\u0001proto", "E0152"],
  ["{}", "E0158"],
  ["program(1.3", "E0150"],
  ['program(1.3) { func main<ios18>() { string s = const()[val = string("x', "E0153"],
  ["program(1.3) {} more", "E0150"],
  ["program(1.3) { func main<ios18>(tensor<fp16, [-1]> x) {} -> (x); }", "E0150"],
])("not a program: %j is %s", (text, code) => {
  const found = mistakes(text);
  expect(codes(found)[0]).toBe(code);
  expect(found[0]?.labels.length).toBeGreaterThan(0);
});

test("a large text of mistakes is given up early, in the order of the text", () => {
  const found = mistakes(around(";".repeat(1_000_000)));
  expect(found.length).toBe(20);
  expect(found.map((d) => d.labels[0]?.span.start)).toEqual(
    found.map((d) => d.labels[0]?.span.start).sort((a, b) => (a ?? 0) - (b ?? 0)),
  );
});
