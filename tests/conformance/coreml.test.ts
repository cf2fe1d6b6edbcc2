/** Packages for Core ML: what is written reads back, and computes what the graph means. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import { packageFiles } from "../../compiler/bundle/mlpackage.ts";
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import { elementCount } from "../../compiler/ir/types.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { loadModel, modelNames } from "../../dsl/index.ts";
import { writeFolderAtomic } from "../../formats/write_folder.ts";
import { lowerToCoreml } from "../../passes/coreml.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { relativeDistance, worstError } from "../support/close.ts";
import { decodeModel } from "../support/mlpackage.ts";
import { graphOf, randomModel, valuesOf } from "../support/random_model.ts";
import { userError } from "../support/user_error.ts";

/** Small enough to interpret; heads and layers stay more than one. */
const SMALL = { S: 8, D: 16, E: 8, F: 24, V: 32, L: 2, H: 2, K: 1 };
const about = { description: "a model", version: "1", entries: { from: "a test" } };

function packageOf(graph: Graph, seed: number, precision: "fp16" | "fp32") {
  const values = valuesOf(graph, seed);
  const made = lowerToCoreml(graph, {
    precision,
    values: (param) => values.get(leafName(param))!,
  });
  const files = packageFiles({ ...made, about });
  return { ...made, values, files };
}

const modelOf = (files: ReadonlyMap<string, Uint8Array>) =>
  decodeModel(Buffer.from(files.get("Data/com.apple.CoreML/model.mlmodel")!));

/** The outputs of what was read back from the bytes of the package. */
function run({ files, values, weights }: ReturnType<typeof packageOf>, graph: Graph) {
  const { program } = modelOf(files);
  expect(checkMil(program)).toEqual([]);
  const inputs = Object.fromEntries(
    graph.inputs.map((n) => [leafName(n), values.get(leafName(n))!.data]),
  );
  return interpretMil(program, inputs, {
    numerics: "ideal",
    weights: (_path, offset) => readBlobRecord(weights!, offset),
  });
}

test("random models: read back, interpreted, equal to the reference", () => {
  fc.assert(
    fc.property(randomModel, ({ source, seed }) => {
      const graph = graphOf(source, "model");
      const made = packageOf(graph, seed, "fp32");
      const expected = interpret(graph, made.values).get("out")!;
      expect(worstError(run(made, graph).get("out")!, expected)).toBeLessThan(1e-5);
    }),
    { numRuns: 30 },
  );
});

test("with fp16 weights and tables the difference is that of their digits", () => {
  fc.assert(
    fc.property(randomModel, ({ source, seed }) => {
      const graph = graphOf(source, "model");
      const made = packageOf(graph, seed, "fp16");
      const expected = interpret(graph, made.values).get("out")!;
      expect(relativeDistance(run(made, graph).get("out")!, expected)).toBeLessThan(2e-2);
    }),
    { numRuns: 12 },
  );
});

test.each(modelNames())(
  "%s: every op of it is public, and ports are those of the model",
  (name) => {
    const graph = graphOf(loadModel(name), "model", SMALL);
    const made = packageOf(graph, 1, "fp32");
    const expected = interpret(graph, made.values).get("out")!;
    expect(worstError(run(made, graph).get("out")!, expected)).toBeLessThan(1e-5);
    const model = modelOf(made.files);
    expect(model).toMatchObject({
      specification: 6,
      description: "a model",
      inputs: [{ name: "tokens", shape: [SMALL.S], dataType: 131_104 }],
      outputs: [{ name: "out", shape: expected.shape, dataType: 65_568 }],
    });
    // Every statement is as it was: names, ops, operands and types.
    const outline = (body: typeof made.fn.body) =>
      body.map(({ op, results, args }) => ({ op, results, args }));
    expect(outline(model.program.functions[0]!.body)).toEqual(outline(made.fn.body));
    const isStored = made.fn.body.filter(
      (s) => JSON.stringify(s).includes("BLOB") || s.op === "const",
    );
    expect(isStored.length).toBeGreaterThanOrEqual(graph.params.length);
  },
);

test("the manifest names the model and its weights; equal sources give equal bytes", () => {
  const graph = graphOf(loadModel("tiny"), "model", SMALL);
  const [one, two] = [packageOf(graph, 3, "fp16").files, packageOf(graph, 3, "fp16").files];
  expect(two).toEqual(one);
  const manifest = JSON.parse(Buffer.from(one.get("Manifest.json")!).toString());
  const items: Record<string, { path: string; name: string }> = manifest.itemInfoEntries;
  expect(items[manifest.rootModelIdentifier]).toMatchObject({
    path: "com.apple.CoreML/model.mlmodel",
  });
  expect(Object.values(items).map((i) => i.name)).toEqual(["model.mlmodel", "weights"]);
  for (const id of Object.keys(items))
    expect(id).toMatch(/^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
});

test("a loss has no place in a package, and the message says so", () => {
  const graph = graphOf(loadModel("tiny"), "train", SMALL);
  expect(userError(() => packageOf(graph, 1, "fp16"))).toBe(
    "E0450 `cross_entropy` cannot be part of a Core ML package",
  );
});

/** A Python with coremltools, as `ANEC_COREMLTOOLS_PYTHON` or `python3`; undefined if there is none. */
function pythonWithCoremltools(): string | undefined {
  const python = process.env["ANEC_COREMLTOOLS_PYTHON"] ?? "python3";
  const { status } = spawnSync(python, ["-c", "import coremltools"], { stdio: "pipe" });
  return status === 0 ? python : undefined;
}

test("coremltools loads it: the types are valid, the weights and the results are ours", (context) => {
  const python = pythonWithCoremltools();
  if (python === undefined) return context.skip("there is no Python with coremltools here");
  const graph = graphOf(loadModel("tiny"), "model", SMALL);
  const made = packageOf(graph, 5, "fp32");
  const folder = mkdtempSync(join(tmpdir(), "anec-coreml-"));
  try {
    const path = join(folder, "tiny.mlpackage");
    const files = [...made.files].map(([name, bytes]) => ({ name, chunks: [bytes] }));
    writeFolderAtomic(path, files, { replace: false });
    const script = join(import.meta.dirname, "..", "numerics", "coreml_check.py");
    const tokens = [...made.values.get("tokens")!.data].join(",");
    const { stdout, stderr, status } = spawnSync(python, [script, path, tokens], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const found = JSON.parse(stdout.trim().split("\n").at(-1)!);
    expect(found.ops).toBe(made.fn.body.length);
    for (const param of graph.params) {
      const name = leafName(param).replaceAll(".", "_");
      expect(found.weights[name].shape, name).toEqual(param.type.shape.map((d) => d.size));
      const expected = made.values.get(leafName(param))!.data;
      const sum = expected.reduce((s, x, i) => s + Math.fround(x) * ((i % 7) + 1), 0);
      expect(found.weights[name].sum, name).toBeCloseTo(sum, 6);
      expect(found.weights[name].count).toBe(elementCount(param.type.shape));
    }
    const expected = interpret(graph, made.values).get("out")!;
    expect(found.out).toHaveLength(expected.data.length);
    expect(
      worstError({ shape: expected.shape, data: Float64Array.from(found.out) }, expected),
    ).toBeLessThan(1e-4);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the command line: written, replaced, and never over what is somebody else's", async () => {
  inNewFolder();
  const line = ["compile", "tiny", "--emit", "mlpackage", "--out", "t.mlpackage"];
  const first = await anec([...line, "--json"]);
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(first.out)).toMatchObject({ entry: "model:tiny", specification: 6 });
  const bytes = () => readFileSync("t.mlpackage/Data/com.apple.CoreML/weights/weight.bin");
  const half = bytes();
  expect(await anec([...line, "--precision", "fp32"])).toMatchObject({ code: 0, err: "" });
  expect(bytes().length).toBeGreaterThan(1.9 * half.length);

  mkdirSync("mine");
  writeFileSync("mine/notes.txt", "keep");
  const taken = await anec([...line.slice(0, -1), "mine"]);
  expect(taken).toMatchObject({ code: 1, err: expect.stringContaining("E0749") });
  expect(readdirSync("mine")).toEqual(["notes.txt"]);
  for (const more of [
    ["--fusion", "layer"],
    ["--print", "mil"],
    ["--entry", "train:tiny"],
  ]) {
    const refused = await anec([...line, ...more]);
    expect(refused, more.join(" ")).toMatchObject({
      code: 2,
      err: expect.stringContaining("E0959"),
    });
  }
});
