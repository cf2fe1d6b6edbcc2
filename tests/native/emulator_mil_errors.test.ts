/** What the emulator's C++ half refuses, and where it says the mistake is. */
import { expect, test } from "vitest";
import { writeBlob } from "../../compiler/bundle/blob.ts";
import { halfValue } from "../../compiler/support/half.ts";
import { type NativeAnswer, runNatively } from "../support/mil_run.ts";

const PATH = "@model_path/weights/weight.bin";

const error = (answer: NativeAnswer | undefined): string =>
  answer !== undefined && "error" in answer ? answer.error : "none";

/** A program whose body begins on line 3. */
const program = (body: string, out = "y"): string =>
  `program(1.3)\n{ func main<ios18>(tensor<fp16, [1, 8]> x) {\n${body}\n} -> (${out}); }`;

const Y = "tensor<fp16, [1, 8]> y = ";

test.each([
  ["", "E0640 1:1: this is no MIL text: it begins with the end of the text, not `program`"],
  ["main[CoreML8](%x: (1, 2, fp16)", "E0640 1:15: a character that MIL does not have (0x25)"],
  ["program(1.3)\n{", "E0640 2:2: expected `func` or `}`, found the end of the text"],
  [program(`${Y}relu(x = x)`), "E0640 4:1: expected `;`, found `}`"],
  [program(`${Y}relu(x = "x);`), "E0640 3:35: a string without its closing quote"],
  [program(`${Y}relu(x = 0x);`), "E0640 3:35: `0x` is no number"],
  [program("half y = relu(x = x);"), "E0640 3:1: there is no type `half`"],
  [program(`${Y}relu(x = z);`), "E0640 3:35: `z` is not defined before this statement"],
  [program(`${Y}relu();`), "E0640 3:26: `relu` needs `x`"],
  [program(`${Y}relu(x = x, y = x);`), "E0640 3:38: `relu` has no argument `y`"],
  [program(`${Y}relu(x = x, x = x);`), "E0640 3:38: argument `x` is given twice"],
  [program(`${Y}relu(x = x)[name = 3];`), "E0640 3:38: `name` must be a string"],
  [program(`${Y}rsqrt(x = x);`), "E0640 3:26: `rsqrt` needs `epsilon`"],
  [program(`${Y}gelu(x = x);`), "E0640 3:26: `gelu` needs `mode`"],
  [program(`${Y}frobnicate(x = x);`), "E0641 3:26: unsupported op `frobnicate`"],
  [
    program("tensor<fp16, [2, 8]> y = relu(x = x);"),
    "E0640 3:22: `y` is declared fp16[2, 8], but `relu` gives fp16[1, 8]",
  ],
  [program(`${Y}relu(x = x);`, "z"), "E0640 4:7: the output `z` is defined nowhere"],
  [program(`${Y}relu(x = x);\n${Y}relu(x = x);`), "E0640 4:22: `y` is defined twice"],
  [
    program(`${Y}add(x = x, y = fp32(1));`),
    "E0640 3:41: `y` of `add` must be fp16, as `x` is, not fp32",
  ],
  [
    program(`tensor<fp16, [3]> y = const()[val = tensor<fp16, [3]>([1, 2])];`),
    "E0640 3:55: expected 3 value(s), found 2",
  ],
  [
    program(`tensor<int8, [1]> y = const()[val = tensor<int8, [1]>([200])];`),
    "E0640 3:55: a number does not fit into int8",
  ],
  [
    program(`${Y}reshape(x = x, shape = [3, 3]);`),
    "E0640 3:49: `shape` of `reshape` must have the 8 elements of `x`, not [3, 3]",
  ],
  [program(`${Y}cond(pred = x) { };`), "E0640 3:41: nested blocks, as of `cond`, cannot be read"],
  [
    "program(1.3) { func f<ios18>(tensor<fp16, [1, ?]> x) { } -> (x); }",
    "E0641 1:51: the emulator needs known dimensions",
  ],
  [
    `program(1.3) { func f<ios18>(${"tuple<".repeat(400)}`,
    "E0640 1:1572: this nests deeper than the emulator reads",
  ],
])("%j is refused where it is wrong", (text, expected) => {
  expect(error(runNatively([{ text, runs: 0 }])[0])).toBe(expected);
});

const weights = Uint8Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0 : 0x3c));
const good = writeBlob([{ dtype: "fp16", data: weights }]).bytes;
const withWeights = program(
  `${Y}const()[val = tensor<fp16, [1, 8]>(BLOBFILE(path = string("${PATH}"), offset = uint64(64)))];`,
);

/** The weight file with a field changed. */
function changed(at: number, bytes: number, value: number): Uint8Array {
  const copy = good.slice();
  const view = new DataView(copy.buffer);
  if (bytes === 4) view.setUint32(at, value, true);
  else view.setBigUint64(at, BigInt(value), true);
  return copy;
}

test.each<[string, Uint8Array | undefined, string]>([
  ["no file", undefined, "this weight file was not given"],
  ["an empty file", new Uint8Array(0), "the file has 0 bytes"],
  ["the header alone", good.slice(0, 64), "the file has 64 bytes"],
  ["another version", changed(4, 4, 1), "the file's version is 1, not 2"],
  ["no descriptor", changed(64, 4, 7), "no descriptor starts there"],
  ["another type", changed(68, 4, 2), "the record is fp32, not fp16"],
  ["no type", changed(68, 4, 99), "no element type has the code 99"],
  ["another size", changed(72, 8, 14), "the record has 7 elements, not 8"],
  ["half an element", changed(72, 8, 15), "15 bytes are no whole number of elements"],
  [
    "too much",
    changed(72, 8, 2 ** 52),
    "the 4503599627370496 bytes of the payload end behind the file",
  ],
  [
    "a payload behind its end",
    changed(80, 8, 2 ** 40),
    "the 16 bytes of the payload end behind the file",
  ],
  ["padding bits", changed(88, 8, 3), "3 padding bits do not suit fp16"],
  ["reserved fields", changed(96, 8, 1), "the descriptor's reserved fields are not zero"],
])("a weight file with %s is refused", (_, file, problem) => {
  const files = file === undefined ? {} : { [PATH]: file };
  const found = error(runNatively([{ text: withWeights, files, runs: 0 }])[0]);
  expect(found).toBe(`E0642 3:61: ${PATH}@64: ${problem}`);
});

test("weights are read", () => {
  const [answer] = runNatively([{ text: withWeights, files: { [PATH]: good } }]);
  expect(answer).toMatchObject({ outputs: [new Float64Array(8).fill(1)] });
});

test("the payload is where its record says, even before it", () => {
  const [answer] = runNatively([{ text: withWeights, files: { [PATH]: changed(80, 8, 0) } }]);
  // The file's header: the numbers of records and of the version.
  const header = new Uint16Array(good.buffer.slice(good.byteOffset, good.byteOffset + 16));
  expect(answer).toMatchObject({ outputs: [Float64Array.from(header, halfValue)] });
});
