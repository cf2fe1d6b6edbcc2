/** The commands that compute or write files; the rest is in `tests/cases/cli`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { type Entry, elaborate, loadModel } from "../../dsl/index.ts";
import { readSafetensors, writeSafetensors } from "../../formats/safetensors.ts";
import { fromFloat32, fromInt32, type Tensor, toFloat64 } from "../../formats/tensor.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const tiny = elaborate(loadModel("tiny"));
const entryOf = (kind: Entry["kind"]): Entry => tiny.entries.find((e) => e.kind === kind)!;

/** Tensors for every argument and parameter of the entry. */
function tensorsFor(entry: Entry): Map<string, Tensor> {
  const graph = entry.graph();
  const made = new Map<string, Tensor>();
  for (const [k, leaf] of [...graph.inputs, ...graph.params].entries()) {
    const shape = sizesOf(leaf.type.shape);
    const n = shape.reduce((a, b) => a * b, 1);
    const tensor =
      leaf.type.dtype === "i32"
        ? fromInt32(
            shape,
            Int32Array.from({ length: n }, (_, i) => (37 * i + k) % 512),
          )
        : fromFloat32(
            shape,
            Float32Array.from({ length: n }, (_, i) => 0.2 * Math.sin(i + k)),
          );
    made.set(leafName(leaf), tensor);
  }
  return made;
}

function values(path: string): Map<string, { dtype: string; data: Float64Array }> {
  const { tensors } = readSafetensors(path);
  return new Map([...tensors].map(([name, t]) => [name, { dtype: t.dtype, data: toFloat64(t) }]));
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  const size = a.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-30);
  return a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0) / size;
}

test("run: a train gives the loss and every gradient, on both devices", async () => {
  inNewFolder();
  const given = tensorsFor(entryOf("train"));
  writeSafetensors("in.safetensors", given);
  const line = ["run", "tiny", "--entry", "tiny", "--inputs", "in.safetensors", "--outputs"];
  const reference = await anec([...line, "reference.safetensors"]);
  expect(reference).toMatchObject({ code: 0, err: "" });
  expect(reference.out).toContain("train:tiny on reference");
  const cpu = await anec([...line, "cpu.safetensors", "--device", "cpu"]);
  expect(cpu).toMatchObject({ code: 0, err: "" });

  const expected = interpret(
    differentiate(entryOf("train").graph()),
    new Map([...given].map(([name, t]) => [name, { shape: t.shape, data: toFloat64(t) }])),
  );
  const exact = values("reference.safetensors");
  const fast = values("cpu.safetensors");
  expect([...exact.keys()].sort()).toEqual([...expected.keys()].sort());
  expect([...fast.keys()].sort()).toEqual([...expected.keys()].sort());
  expect(exact.has("grad.block.1.ffn.w2")).toBe(true);
  for (const [name, { data }] of expected) {
    expect(exact.get(name)).toEqual({ dtype: "F64", data });
    expect(fast.get(name)!.dtype).toBe("F32");
    expect(largestDifference(data, fast.get(name)!.data)).toBeLessThan(1e-3);
  }
});

test("run: a bare name means the entry whose arguments are given", async () => {
  inNewFolder();
  writeSafetensors("in.safetensors", tensorsFor(entryOf("model")));
  const { code, out } = await anec(
    "run tiny --inputs in.safetensors --outputs out.safetensors --precision f16 --json".split(" "),
  );
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    entry: "model:tiny",
    device: "reference",
    outputs: [{ name: "out", dtype: "F32", shape: [32, 512] }],
  });
});

test("run: every fault of the inputs is named", async () => {
  inNewFolder();
  const given = tensorsFor(entryOf("model"));
  given.set("norm.weigth", given.get("norm.weight")!);
  given.delete("norm.weight");
  given.set("tokens", fromInt32([32], new Int32Array(32).fill(600)));
  given.set("embed.weight", fromFloat32([64, 512], new Float32Array(64 * 512)));
  writeSafetensors("in.safetensors", given);
  const { code, err, out } = await anec(
    "run tiny --inputs in.safetensors --outputs out.safetensors".split(" "),
  );
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toBe(`error[E0960]: \`in.safetensors\` has no tensor \`norm.weight\`

  It is a parameter of \`model:tiny\`, [D 64].

  help: did you mean \`norm.weigth\`?

error[E0961]: \`in.safetensors\` has a tensor \`norm.weigth\`, which \`model:tiny\` does not read

  help: did you mean \`norm.weight\`?

error[E0962]: \`in.safetensors\`: tensor \`embed.weight\` is [64, 512], but \`model:tiny\` declares [V 512, D 64]

error[E0963]: \`in.safetensors\`: \`tokens\` has the id 600 at position 0; ids are 0 to 511

  The limit is V 512, the rows of the table.

  \`anec explain E0960\` says more
`);
  expect(existsSync("out.safetensors")).toBe(false);
});

test("run: what cannot be", async () => {
  inNewFolder();
  writeSafetensors("in.safetensors", tensorsFor(entryOf("train")));
  const line = "run tiny --inputs in.safetensors --outputs out.safetensors".split(" ");
  const titleOf = async (...more: string[]) => {
    const { code, err } = await anec([...line, ...more]);
    return `${code} ${err.split("\n")[0]}`;
  };
  expect(await titleOf("--entry", "model:tiny")).toBe(
    "1 error[E0961]: `in.safetensors` has a tensor `targets`, which `model:tiny` does not read",
  );
  expect(await titleOf("--device", "cpu", "--precision", "f64")).toBe(
    "2 error[E0959]: `--precision f64` does not go with `--device cpu`",
  );
  expect(await titleOf("--device", "ane")).toBe("2 error[E0955]: `--device` cannot be `ane`");
  expect(await titleOf("--inputs", "none")).toBe("1 error[E0706]: there is no file `none`");
  expect(await titleOf("--outputs", "none/out")).toBe(
    "1 error[E0705]: cannot write `none/out`: its folder does not exist",
  );
  expect(await titleOf("--entry", "large")).toBe(
    "2 error[E0957]: `dsl/models/tiny.ane` has no entry `large`",
  );
});

test("run: several entries need a name", async () => {
  inNewFolder();
  writeFileSync(
    "two.ane",
    "dims S = 2\nlayer f(x: [S]) -> [S] { return x * 2 }\nlayer g(x: [S]) -> [S] { return x * 3 }\n",
  );
  writeSafetensors("in", new Map([["x", fromFloat32([2], Float32Array.of(1, 2))]]));
  const line = "run two.ane --inputs in --outputs out".split(" ");
  expect(
    (await anec(line)).err,
  ).toBe(`error[E0958]: \`two.ane\` has several entries: say which with \`--entry\`

  They are \`layer:f\` and \`layer:g\`.

  \`anec explain E0958\` says more
`);
  expect((await anec([...line, "--entry", "g"])).code).toBe(0);
  expect([...values("out").get("out")!.data]).toEqual([3, 6]);
});

test("compile: baked weights come from a file, by path", async () => {
  inNewFolder();
  writeFileSync(
    "f.ane",
    "dims D = 4\nlayer f(x: [D, D]) -> [D, D] {\n  param w: [D, D]\n  return x @ w\n}\n",
  );
  const weights = (name: string, size: number) =>
    new Map([[name, fromFloat32([size, size], new Float32Array(size * size).fill(0.5))]]);
  writeSafetensors("good", weights("w", 4));
  writeSafetensors("small", weights("w", 3));
  writeSafetensors("other", weights("v", 4));
  const line = "compile f.ane --weights baked --print mil --values".split(" ");
  const { code, out } = await anec([...line, "good"]);
  expect(code).toBe(0);
  expect(out).toContain("BLOBFILE");
  expect((await anec([...line, "small"])).err.split("\n")[0]).toBe(
    "error[E0962]: `small`: tensor `w` is [3, 3], but `f` declares [D 4, D 4]",
  );
  expect((await anec([...line, "other"])).err.split("\n")[0]).toBe(
    "error[E0960]: `other` has no tensor `w`",
  );
});

test("fmt: standard input to standard output", async () => {
  const { code, out } = await anec(["fmt", "--stdin"], { stdin: "dims S=4 ,D=8\n" });
  expect({ code, out }).toEqual({ code: 0, out: "dims S = 4, D = 8\n" });
  expect((await anec(["fmt", "--stdin", "--check"], { stdin: "dims S=4\n" })).code).toBe(1);
  const broken = await anec(["fmt", "--stdin"], { stdin: "dims S = \n" });
  expect(broken).toMatchObject({ code: 1, out: "" });
  expect(broken.err).toContain("<stdin>:");
});

test("fmt: a file with syntax errors stays as it is, the others are done", async () => {
  inNewFolder();
  writeFileSync("bad.ane", "layer {\n");
  writeFileSync("messy.ane", "dims S=4\n");
  const { code, out } = await anec(["fmt", "bad.ane", "messy.ane"]);
  expect({ code, out }).toEqual({ code: 1, out: "formatted messy.ane\n" });
  expect(readFileSync("bad.ane", "utf8")).toBe("layer {\n");
  expect(readFileSync("messy.ane", "utf8")).toBe("dims S = 4\n");
});

test("data prepare: text to a token file that data info reads", async () => {
  inNewFolder();
  writeFileSync("book.txt", "It was a dark night. ".repeat(50));
  const made = await anec("data prepare book.txt --out book --tokenizer bytes".split(" "));
  expect(made.code).toBe(0);
  expect(made.out).toBe(`  text       1 document, 1.05 kB
  tokens     1,050 (945 to train on, 105 to validate)
  tokenizer  bytes, 256 ids, 1.00 bytes a token

wrote book.bin and book.json
`);
  const { out } = await anec(["data", "info", "book.bin", "--json"]);
  expect(JSON.parse(out)).toEqual({
    path: "book.bin",
    tokens: 1050,
    trainTokens: 945,
    valTokens: 105,
    vocabulary: 256,
    activeIds: 14,
    tokenizer: "bytes",
    bytesPerToken: 1,
  });
  const missing = await anec("data prepare boook.txt --out x".split(" "));
  expect(missing.code).toBe(1);
  expect(missing.err).toContain("did you mean `book.txt`?");
});

test("colour only on a terminal that wants it", async () => {
  const line = ["explain", "E9999"];
  expect((await anec(line, { terminal: true, color: true })).err).toContain("\u001b[31m");
  expect((await anec(line, { terminal: true })).err).not.toContain("\u001b[");
  expect((await anec(line, { color: true })).err).not.toContain("\u001b[");
});
