/** `--mode infer`: several layers in one program, weights as the filters of convolutions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { type CompileOptions, compile } from "../../../index.ts";
import { worstError } from "../../support/close.ts";
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
        expect(programs).toHaveLength(Math.ceil(L / layersPerProgram));
        const expected = interpret(graph, values).get("out")!;
        const found = runBundle(made, values).get("out")!;
        expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-5);
      },
    ),
    { numRuns: 60 },
  );
});
