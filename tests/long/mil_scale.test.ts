/** Large and hostile MIL text is read, or refused with a place. Times are in `bench/mil_parse.ts`. */
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { isNumber } from "../../compiler/mil/numbers.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { MAX_NESTING } from "../../compiler/mil/parse_value.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type MilProgram, sameTree } from "../../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { positionAt } from "../../compiler/support/source.ts";

const MB = 5_000_000;

function around(body: string, inputs = "tensor<fp16, [1, 8]> a"): string {
  return `program(1.3)\n{\n    func main<ios18>(${inputs}) {\n${body}\n    } -> (a);\n}\n`;
}

/** The tree, which prints and reads back equal. */
function read(text: string): MilProgram {
  const tree = parseMil({ path: "large.mil", text });
  expect(sameTree(parseMil({ path: "again.mil", text: printMil(tree) }), tree)).toBe(true);
  return tree;
}

/** The mistakes for which a text is refused, each with a place in it. */
function refused(text: string): readonly Diagnostic[] {
  let found: readonly Diagnostic[] = [];
  try {
    parseMil({ path: "large.mil", text });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    found = error.diagnostics;
  }
  expect(found.length).toBeGreaterThan(0);
  for (const { labels, title } of found) {
    const { span } = labels[0]!;
    const { line, column } = positionAt(span.source, span.start);
    expect(Math.min(line, column)).toBeGreaterThan(0);
    expect(span.end).toBeLessThanOrEqual(text.length);
    expect(title.length).toBeLessThan(1000);
  }
  return found;
}

const codes = (list: readonly Diagnostic[]): string[] => list.map((d) => d.code);
const literal = (type: string, value: string): string =>
  `${type} t = const()[name = string("t"), val = ${type}(${value})];`;

test("a line of 50 KB", () => {
  const tree = read(around(literal("tensor<int32, [25000]>", `[${"1,".repeat(24_999)}1]`)));
  expect(checkMil(tree)).toEqual([]);
});

test("a file of 5 MB, of many statements", () => {
  const step = (i: number): string =>
    `tensor<fp16, [1, 8]> y${i} = add(x = a, y = y${i - 1})[name = string("y${i}")];\n`;
  const n = Math.ceil(MB / 70);
  const body = Array.from({ length: n }, (_, i) => step(i + 1)).join("");
  const tree = read(around(body, "tensor<fp16, [1, 8]> a, tensor<fp16, [1, 8]> y0"));
  expect(tree.functions[0]!.body.length).toBe(n);
  expect(checkMil(tree)).toEqual([]);
});

test("a file of 5 MB, in one line", () => {
  const n = MB / 10;
  const text = around(literal(`tensor<fp16, [${n}]>`, `[${"0x1.8p-3, ".repeat(n - 1)}1]`));
  expect(text.length).toBeGreaterThan(MB - 10);
  expect(checkMil(read(text))).toEqual([]);
});

const FORMS: readonly (readonly [name: string, nested: (depth: number) => string])[] = [
  ["lists", (n) => `f(x = ${"[".repeat(n)}1${"]".repeat(n)});`],
  ["tuples", (n) => `f(x = ${"(".repeat(n)}a${")".repeat(n)});`],
  ["dictionaries", (n) => `f()[x = ${"{{1, ".repeat(n)}1${"}}".repeat(n)}];`],
  ["literals", (n) => `f(x = ${"fp16(".repeat(n)}1${")".repeat(n)});`],
  ["blobs", (n) => `f(x = ${"BLOBFILE(path = ".repeat(n)}1${", offset = 1)".repeat(n)});`],
  ["states", (n) => `${"state<".repeat(n)}fp16${">".repeat(n)} y = f();`],
  ["type lists", (n) => `${"list<".repeat(n)}fp16${", ?>".repeat(n)} y = f();`],
  ["type tuples", (n) => `${"tuple<".repeat(n)}fp16${">".repeat(n)} y = f();`],
  ["keys", (n) => `${"dict<".repeat(n)}fp16${", fp16>".repeat(n)} y = f();`],
];

test.each(FORMS)("%s a thousand deep, and deeper than the limit", (_, nested) => {
  checkMil(read(around(nested(1000))));
  expect(codes(refused(around(nested(MAX_NESTING + 1))))).toContain("E0156");
  expect(codes(refused(around(nested(200_000))))).toContain("E0156");
  // The half that opens, and the half that closes.
  const whole = nested(200_000);
  refused(around(whole.slice(0, whole.length / 2)));
  refused(around(whole.slice(whole.length / 2)));
});

test("types and values both at their limit", () => {
  const type = "list<".repeat(1000) + "fp16" + ", ?>".repeat(1000);
  const value = "[".repeat(1000) + "1" + "]".repeat(1000);
  const tree = read(around(`${type} t = const()[name = string("t"), val = ${type}(${value})];`));
  expect(checkMil(tree)).toEqual([]);
});

test("a literal in literals is checked against each of them once", () => {
  const inside = (n: number, value: string): string =>
    around(`f(x = ${"fp16(".repeat(n)}${value}${")".repeat(n)});`);
  expect(checkMil(read(inside(1000, "1")))).toEqual([]);
  expect(codes(checkMil(read(inside(1000, "true"))))).toEqual(["E0360"]);
  expect(codes(checkMil(read(around("f(x = fp16(int32(1)));"))))).toEqual(["E0360"]);
});

test("words of 5 MB are refused at once, and messages quote their beginning", () => {
  const long = (c: string): string => c.repeat(MB);
  for (const text of [`${long("1")}x`, `0x${long("1")}.x`, `1.${long("0")}.`, `-${long("9")}e`]) {
    expect(codes(refused(around(`f(x = ${text});`)))).toEqual(["E0154"]);
  }
  expect(codes(refused(around(`${long("t")}<fp16, [1]> y = f();`)))).toContain("E0155");
  expect(codes(refused(around(`f(x = "${long("s")}`)))).toContain("E0153");
  expect(codes(refused(around(`f(x = ${long('"')});`)))).toContain("E0150");
  expect(codes(refused(long("x")))).toEqual(["E0158"]);
  const [wide] = checkMil(read(around(`f(x = int8(${long("1")}));`)));
  expect([wide?.code, wide?.title.length]).toEqual(["E0360", expect.closeTo(80, -2)]);
  expect(isNumber(`${long("1")}.${long("1")}e-5`)).toBe(true);
});

test("names that nearly agree cost nothing, however long and many they are", () => {
  const name = "n".repeat(500_000);
  const found = checkMil(read(around(`f(x = ${name}x);`, `fp16 a, fp16 ${name}`)));
  expect(codes(found)).toEqual(["E0350"]);
  const outputs = Array.from({ length: 20_000 }, (_, i) => `out_${i}`);
  const inputs = outputs.map((o) => `fp16 in_${o}`);
  const tree = read(
    `program(1.3) { func f<ios18>(${inputs.join(", ")}) {} -> (${outputs.join(", ")}); }`,
  );
  expect(checkMil(tree).length).toBe(20_000);
});

const PIECES = [
  ";",
  "%",
  "(",
  "}",
  '"',
  "func ",
  "f(x = 1x);\n",
  "program(1.3) {",
  "\0",
  "=",
  "\\",
];

test.each(PIECES)("5 MB of %j are given up early", (piece) => {
  const many = piece.repeat(MB / piece.length);
  expect(refused(around(many)).length).toBeLessThanOrEqual(20);
  expect(refused(many).length).toBeLessThanOrEqual(20);
});

test.each(["\n", "//", " ", "\t\r\n"])("5 MB of %j say nothing", (piece) => {
  const many = piece.repeat(MB / piece.length);
  expect(read(around(`${many}\n`)).functions[0]!.body).toEqual([]);
  expect(codes(refused(many))).toEqual(["E0158"]);
});
