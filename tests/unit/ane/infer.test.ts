/** `--mode infer`: several layers in one program, weights as the filters of convolutions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { checkForChip } from "../../../compiler/target/check_chip.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { type CompileOptions, compile } from "../../../index.ts";
import { planAne } from "../../../passes/ane/compile.ts";
import { INFER, type InferOptions } from "../../../passes/ane/infer.ts";
import { runPasses } from "../../../passes/pass.ts";
import { pipelines } from "../../../passes/pipeline.ts";
import { relativeDistance, worstError } from "../../support/close.ts";
import { graphOf, randomModel, valuesOf } from "../../support/random_model.ts";
import { runBundle } from "../../support/run_bundle.ts";

const modelGraph = (name: string, overrides: Record<string, number> = {}) =>
  elaborate(loadModel(name), { overrides })
    .entries.find((e) => e.kind === "model")!
    .graph();

function compiled(
  graph: ReturnType<typeof modelGraph>,
  seed: number,
  options: Partial<CompileOptions> = {},
) {
  const values = valuesOf(graph, seed);
  const made = compile(graph, {
    target: "ane",
    mode: "infer",
    baked: (param) => values.get(leafName(param))!,
    ...options,
  });
  const mil = (file: string): string => new TextDecoder().decode(made.bundle.files.get(file)!);
  return { made, values, programs: made.bundle.manifest.programs, mil };
}

const count = (text: string, op: string): number => text.split(` = ${op}(`).length - 1;

test("programs of any number of layers compute what the model means", () => {
  fc.assert(
    fc.property(
      randomModel,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 5 }),
      ({ source, seed }, L, layersPerProgram) => {
        const graph = graphOf(source, "model", { L });
        const options = { layersPerProgram, exactTables: true };
        const { made, values, programs } = compiled(graph, seed, options);
        // Layers that are not repeated cannot be told apart: the model is one program.
        const layers = source.text.includes("repeat L") ? L : 1;
        expect(programs).toHaveLength(Math.ceil(layers / layersPerProgram));
        const expected = interpret(graph, values).get("out")!;
        const found = runBundle(made, values).get("out")!;
        expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-5);
      },
    ),
    { numRuns: 60 },
  );
});

test("a layer is seven convolutions, and nothing is reshaped but heads", () => {
  const { programs, mil } = compiled(modelGraph("tiny"), 1);
  expect(programs.map((p) => [p.name, p.calls])).toEqual([["layers_0_1_head", 1]]);
  const text = mil(programs[0]!.file);
  expect(count(text, "conv")).toBe(2 * 7 + 1);
  // Scores and what they are applied to.
  expect(count(text, "matmul")).toBe(2 * 2);
  expect(count(text, "transpose")).toBe(0);
  for (const line of text.split("\n").filter((l) => l.includes(" = reshape("))) {
    expect(line).toMatch(
      /tensor<fp16, \[(2|4), |\[1, 64, 1, 32\]> reshape_\d+ = reshape\(x = matmul/,
    );
  }
  expect(text).toMatch(/tensor<fp16, \[176, 64, 1, 1\]> l1_ffn_w1 = const/);
});

test.each([
  [1, ["layer_0", "layer_1", "layer_2", "layer_3", "layer_4_head"]],
  [2, ["layers_0_1", "layers_2_3", "layer_4_head"]],
  [3, ["layers_0_2", "layers_3_4_head"]],
  [5, ["layers_0_4_head"]],
  [9, ["layers_0_4_head"]],
])("five layers, %i in one program", (layersPerProgram, names) => {
  const { made, programs } = compiled(modelGraph("tiny", { L: 5 }), 1, { layersPerProgram });
  expect(programs.map((p) => p.name)).toEqual(names);
  expect(made.moves!.perMicroStep).toMatchObject({
    dispatches: names.length,
    // The first input and the logits: programs read what the one before wrote.
    bytesWritten: 2 * 64 * 32,
    bytesRead: 2 * 512 * 32,
    bytesCopied: 0,
  });
  expect(made.moves!.perUpdate.bytesStaged).toBe(0);
});

test("programs that differ in their weights alone share their MIL", () => {
  const { made, programs } = compiled(modelGraph("tiny", { L: 6 }), 1, { layersPerProgram: 2 });
  const [first, second, last] = programs;
  expect(second!.file).toBe(first!.file);
  expect(last!.file).not.toBe(first!.file);
  expect(second!.weights).not.toBe(first!.weights);
  expect(made.bundle.files.get(second!.weights!)).not.toEqual(
    made.bundle.files.get(first!.weights!),
  );
});

test("layers of the same parameters are one program with several calls", () => {
  const text = `dims S = 4, D = 8, L = 3
layer f(x: [S, D], w: [D, D]) -> [S, D] {
  return x + x @ w
}
layer shared(x: [S, D]) -> [S, D] {
  param w: [D, D]
  repeat L { x = f(x, w) }
  return x
}
`;
  const graph = elaborate({ path: "a.ane", text })
    .entries.find((e) => e.name === "shared")!
    .graph();
  const values = new Map(
    [...graph.inputs, ...graph.params].map((leaf, n) => {
      const shape = leaf.type.shape.map((d) => d.size);
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float64Array.from({ length: size }, (_, i) => Math.sin(3 * i + n) / 4);
      return [leafName(leaf), { shape, data }];
    }),
  );
  const made = compile(graph, {
    ...{ target: "ane", mode: "infer", layersPerProgram: 1, exactTables: true },
    baked: (param) => values.get(leafName(param))!,
  });
  expect(made.bundle.manifest.programs.map((p) => p.calls)).toEqual([3]);
  const expected = interpret(graph, values).get("out")!;
  const found = runBundle(made, values).get("out")!;
  expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-6);
});

/** Names of programs, without lowering any. */
function planned(name: string, infer: InferOptions = {}, overrides = {}): readonly string[] {
  const graph = runPasses(modelGraph(name, overrides), pipelines.ane).graph;
  const { connections } = planAne(graph, { scheme: INFER, weights: "baked", infer });
  return connections.map(({ call }) => call.name);
}

test("as many layers as fit, evenly, and the head where there is room", () => {
  // 5.6 MB a layer, and 50 MB of embedding.
  expect(planned("autoresearch")).toEqual(["layers_0_3_head"]);
  expect(planned("autoresearch", { weightLimit: 60e6 })).toEqual(["layers_0_3", "head"]);
  expect(planned("autoresearch", { weightLimit: 17e6 })).toEqual([
    "layers_0_1",
    "layers_2_3",
    "head",
  ]);
  expect(planned("autoresearch", { weightLimit: 1 })).toEqual([
    "layer_0",
    "layer_1",
    "layer_2",
    "layer_3",
    "head",
  ]);
  // 31.5 MB a layer: four in 128 MiB.
  expect(planned("qwen3_06b_compact").slice(0, 7)).toEqual(
    Array.from({ length: 7 }, (_, i) => `layers_${4 * i}_${4 * i + 3}`),
  );
});

test("a head of more rows than a surface has channels is the host's", () => {
  const { made, programs } = compiled(modelGraph("tiny", { D: 8, F: 8, L: 1, V: 70_000 }), 1);
  const channels = programs.flatMap((p) => p.outputs.map((o) => o.shape[1]));
  expect(Math.max(...channels.map(Number))).toBeLessThanOrEqual(65_536);
  expect(made.bundle.manifest.schedule.at(-1)).toMatchObject({ do: "host", op: "matmul" });
});

test.each(["m1", "m4"] as const)("no fact refuses a program of layers on %s", (chip) => {
  const { made, programs, mil } = compiled(modelGraph("tiny"), 1);
  for (const { file, weights } of programs) {
    const files = () => made.bundle.files.get(weights!);
    const found = checkForChip(parseMil({ path: file, text: mil(file) }), { chip, files });
    expect(found.filter((d) => d.severity === "error")).toEqual([]);
  }
});

test("in fp16 the logits are those of programs with weights on surfaces", () => {
  const graph = modelGraph("tiny");
  const { made, values } = compiled(graph, 7);
  const expected = interpret(graph, values).get("out")!;
  const apart = (bundle: typeof made): number =>
    relativeDistance(
      { shape: expected.shape, data: runBundle(bundle, values, "exact").get("out")! },
      expected,
    );
  expect(apart(made)).toBeLessThan(2 * apart(compile(graph, { target: "ane" })));
});
