/** `anec mil`: tensors and weights in files, standard input, and files that are something else. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writeBlob } from "../../compiler/bundle/blob.ts";
import { halfBits } from "../../compiler/support/half.ts";
import { readSafetensors, writeSafetensors } from "../../formats/safetensors.ts";
import {
  fromFloat32,
  fromFloat64,
  fromInt32,
  type Tensor,
  toFloat64,
} from "../../formats/tensor.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const f32 = (shape: readonly number[], ...values: number[]): Tensor =>
  fromFloat32(shape, Float32Array.from(values));

const values = (path: string, name: string): number[] =>
  Array.from(toFloat64(readSafetensors(path).tensors.get(name)!));

const WEIGHTED = `program(1.3)
{
    func main<ios18>(tensor<fp16, [2]> x) {
        tensor<fp16, [2]> w = const()[val = tensor<fp16, [2]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64)))];
        tensor<fp16, [2]> y = mul(x = x, y = w);
    } -> (y);
}
`;

const weightFile = (...list: number[]): Uint8Array =>
  writeBlob([{ dtype: "fp16", data: new Uint8Array(Uint16Array.from(list, halfBits).buffer) }])
    .bytes;

test.each([
  ["beside the program", "model", "model/weights/weight.bin"],
  ["above a program's folder", "model/model0", "model/weights/weight.bin"],
  ["in a bundle", "model/programs", "model/weights/model.bin"],
])("weights are read %s", async (_, folder, weights) => {
  inNewFolder();
  mkdirSync(folder, { recursive: true });
  mkdirSync("model/weights");
  writeFileSync(`${folder}/model.mil`, WEIGHTED);
  writeFileSync(weights, weightFile(3, -0.5));
  writeSafetensors("in.st", new Map([["x", f32([2], 2, 0.1)]]));
  const line = ["mil", "run", `${folder}/model.mil`, "--inputs", "in.st", "--outputs", "out.st"];
  expect((await anec([...line, "--trace", "w"])).code).toBe(0);
  const x = Math.fround(0.1);
  expect(values("out.st", "y")).toEqual([6, -0.5 * x]);
  expect(values("out.st", "w")).toEqual([3, -0.5]);
  // Stored as halves, which is what fp16 computes with.
  expect((await anec([...line, "--numerics", "fp16"])).code).toBe(0);
  expect(readSafetensors("out.st").tensors.get("y")!.dtype).toBe("F16");
  expect(values("out.st", "y")).toEqual([6, -0.0499878].map((v) => expect.closeTo(v, 6)));
  const overwrite = await anec([...line.slice(0, -1), weights]);
  expect(overwrite.code).toBe(2);
  expect(overwrite.err).toContain("E0967");
});

test("damaged and wrong weights are named, at the constant", async () => {
  inNewFolder();
  mkdirSync("weights");
  writeFileSync("a.mil", WEIGHTED);
  for (const [bytes, code] of [
    [new Uint8Array(10), "E0750"],
    [weightFile(1, 2).fill(0, 64, 68), "E0751"],
    [weightFile(1, 2, 3), "E0373"],
  ] as const) {
    writeFileSync("weights/weight.bin", bytes);
    const { code: exit, err } = await anec(["mil", "run", "a.mil", "--seed", "1"]);
    expect(err).toContain(code);
    expect(err).toContain("a.mil:4:");
    expect(exit).toBe(1);
  }
});

const PORTS = `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, ?]> x, tensor<int32, [2]> i, state<tensor<fp16, [2]>> s) {
        tensor<fp16, [2]> before = read_state(input = s);
        tensor<fp16, [1, ?]> y = relu(x = x);
        tensor<fp16, [2]> after = add(x = before, y = before);
        write_state(input = s, data = after);
        bool is = const()[val = bool(true)];
        string mode = const()[val = string("EXACT")];
    } -> (y, i, is);
}
`;

test("open sizes, whole numbers, and states from a file and back", async () => {
  inNewFolder();
  writeFileSync("a.mil", PORTS);
  const given = {
    x: f32([1, 3], -1, 2, 3),
    i: fromInt32([2], Int32Array.of(7, -8)),
    s: fromFloat64([2], Float64Array.of(1.5, 2)),
  };
  writeSafetensors("in.st", new Map(Object.entries(given)));
  const line = "mil run a.mil --inputs in.st --outputs out.st --trace all --json".split(" ");
  const { code, out } = await anec(line);
  expect(code).toBe(0);
  const { tensors } = readSafetensors("out.st");
  expect([...tensors.keys()].sort()).toEqual(["after", "before", "i", "is", "s", "x", "y"]);
  expect(tensors.get("i")!.dtype).toBe("I32");
  expect(tensors.get("is")!.dtype).toBe("BOOL");
  expect(values("out.st", "y")).toEqual([0, 2, 3]);
  expect(values("out.st", "before")).toEqual([1.5, 2]);
  expect(values("out.st", "s")).toEqual([3, 4]);
  const report = JSON.parse(out) as Record<string, readonly Record<string, unknown>[]>;
  expect(report["outputs"]![0]).toEqual({
    name: "y",
    type: "tensor<fp16, [1, 3]>",
    shape: [1, 3],
    min: 0,
    max: 3,
    mean: 5 / 3,
    first: [0, 2, 3],
    nan: 0,
    infinite: 0,
  });
  expect(report["states"]!.map((s) => s["name"])).toEqual(["s"]);
});

test("every fault of the inputs is named at once", async () => {
  inNewFolder();
  writeFileSync("a.mil", PORTS);
  writeSafetensors(
    "in.st",
    new Map([
      ["i", f32([2], 1, 2)],
      ["s", f32([3], 1, 2, 3)],
      ["q", f32([1], 1)],
    ]),
  );
  const { code, err } = await anec("mil run a.mil --inputs in.st".split(" "));
  expect(code).toBe(1);
  for (const text of [
    "E0960]: `in.st` has no tensor `x`",
    "E0961]: `in.st` has a tensor `q`",
    "E0962]: `in.st`: tensor `s` is [3], but `main` declares state<tensor<fp16, [2]>>",
    "E0720]: tensor `i` (F32)",
  ])
    expect(err).toContain(text);
});

test("a seed says what inputs were, and repeats them", async () => {
  inNewFolder();
  writeFileSync("a.mil", PORTS.replaceAll("?", "5"));
  const runs: string[] = [];
  for (const seed of ["4", "4", "5"]) {
    const file = `${runs.length}.st`;
    const { out } = await anec(["mil", "run", "a.mil", "--seed", seed, "--outputs", file]);
    expect(out).toContain(`on inputs made up from the seed ${seed}`);
    runs.push(readFileSync(file).toString("hex"));
  }
  expect(runs[0]).toBe(runs[1]);
  expect(runs[0]).not.toBe(runs[2]);
});

test.each(["fmt", "stats", "run", "check"])(
  "`anec mil %s` says of other files what they are not",
  async (command) => {
    inNewFolder();
    writeFileSync("zeros.mil", new Uint8Array(5000));
    writeFileSync("latin1.mil", Uint8Array.of(0x70, 0xe9, 0x0a));
    writeFileSync("empty.mil", "");
    mkdirSync("folder.mil");
    for (const [path, code] of [
      ["zeros.mil", "E0115"],
      ["latin1.mil", "E0115"],
      ["empty.mil", "E0158"],
      ["folder.mil", "E0704"],
      ["missing.mil", "E0706"],
    ] as const) {
      const { code: exit, err } = await anec(["mil", command, path]);
      expect(err, path).toContain(code);
      expect(err.match(/error\[/g), path).toHaveLength(1);
      expect(exit, path).toBe(1);
    }
  },
);

test("fmt reads standard input, and a byte order mark is not canonical", async () => {
  inNewFolder();
  const text = "program(1.3){func main<ios18>(){}->();}";
  const { code, out } = await anec(["mil", "fmt", "--stdin"], { stdin: text });
  expect(code).toBe(0);
  expect(out).toBe("program(1.3)\n{\n    func main<ios18>() {\n    } -> ();\n}\n");
  const check = ["mil", "fmt", "--check"];
  expect((await anec([...check, "--stdin"], { stdin: out })).code).toBe(0);
  expect((await anec([...check, "--stdin"], { stdin: text })).code).toBe(1);
  writeFileSync("bom.mil", `\ufeff${out}`);
  expect((await anec([...check, "bom.mil"])).code).toBe(1);
});

test("a mend says that it lost comments", async () => {
  inNewFolder();
  const text = (width: number): string => `tensor<fp16, [1, 64, 1, ${width}]>`;
  const body = `${text(20)} y = relu(x = x)[name = string("y")]; // at most 0`;
  const program = `program(1.3)\n{\nfunc main<ios18>(${text(20)} x) {\n${body}\n} -> (y);\n}\n`;
  writeFileSync("a.mil", program);
  const { err } = await anec("mil check a.mil --chip m2 --fix".split(" "));
  expect(err).toContain("warning[E0159]: a comment is not in the canonical text");
  expect(err).toContain("a.mil:4:");
  expect(readFileSync("a.mil", "utf8")).not.toContain("//");
});

test("no output of diff and run has colours", async () => {
  inNewFolder();
  writeFileSync("a.mil", PORTS.replaceAll("?", "5"));
  writeFileSync("b.mil", PORTS.replaceAll("?", "5").replace("relu", "tanh"));
  const options = { terminal: true, color: false };
  for (const line of ["mil diff a.mil b.mil", "mil run a.mil --seed 1", "mil run a.mil"]) {
    const { all } = await anec(line.split(" "), options);
    expect(all).not.toContain("\u001b");
  }
});

test("of very many mistakes fifty are printed, errors first, and the others counted", async () => {
  inNewFolder();
  const bad = Array.from({ length: 60 }, (_, i) => `tensor<fp16, [3]> y${i} = relu(x = x);`);
  writeFileSync(
    "a.mil",
    `program(1.3) { func main<ios18>(tensor<fp16, [2]> x) { ${bad.join("\n")} } -> (y0); }`,
  );
  const { code, out, err } = await anec("mil check a.mil --chip m2".split(" "));
  expect(code).toBe(1);
  expect(err.match(/^error\[/gm)).toHaveLength(50);
  expect(err).not.toMatch(/^warning\[/m);
  expect(err).toMatch(/\n {2}and \d+ errors and \d+ warnings more\n$/);
  expect(out).toMatch(/1 file: \d+ errors, \d+ warnings/);
  const json = await anec("mil check a.mil --chip m2 --json".split(" "));
  expect(JSON.parse(json.out).files[0].diagnostics.length).toBeGreaterThan(60);
});

test("exact numerics are those of the engine: its softplus stops at 11.09", async () => {
  inNewFolder();
  writeFileSync(
    "a.mil",
    "program(1.3) { func main<ios18>(tensor<fp16, [2]> x) { tensor<fp16, [2]> y = softplus(x = x); } -> (y); }",
  );
  writeSafetensors("in.st", new Map([["x", f32([2], 2, 12)]]));
  const last = async (numerics: string): Promise<number> => {
    const line = `mil run a.mil --inputs in.st --outputs out.st --numerics ${numerics}`;
    expect((await anec(line.split(" "))).code).toBe(0);
    return values("out.st", "y")[1]!;
  };
  expect(await last("ideal")).toBeCloseTo(12, 4);
  expect(await last("exact")).toBe(0);
});
