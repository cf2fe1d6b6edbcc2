/** The MIL that this compiler writes, executed by the emulator's C++ half and by the interpreter. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { MilFunction } from "../../compiler/mil/tree.ts";
import { loadModel, modelNames } from "../../dsl/index.ts";
import { type Compilation, compile } from "../../index.ts";
import { type NativeRequest, outputsOf, runNatively } from "../support/mil_run.ts";
import { lossGraph } from "../support/random_graph.ts";
import { graphOf } from "../support/random_model.ts";
import { seeded } from "../support/samples.ts";
import { worstError } from "./harness.ts";

const PATH = "@model_path/weights/weight.bin";

interface Made {
  readonly name: string;
  readonly text: string;
  readonly weights: Uint8Array | undefined;
}

function programsOf({ bundle }: Compilation): Made[] {
  const text = (file: string): string => new TextDecoder().decode(bundle.files.get(file)!);
  return bundle.manifest.programs.map(({ file, weights }) => ({
    name: file,
    text: text(file),
    weights: weights === undefined ? undefined : bundle.files.get(weights),
  }));
}

function requestOf({ text, weights }: Made, more: Partial<NativeRequest> = {}): NativeRequest {
  return { text, ...(weights === undefined ? {} : { files: { [PATH]: weights } }), ...more };
}

const sizesOf = (f: MilFunction): number[] =>
  f.inputs.map(({ type }) =>
    type.kind === "tensor" ? type.shape.reduce<number>((a, n) => a * Number(n), 1) : 1,
  );

/** Native outputs against interpreted ones, of every program with random inputs. */
function compare(made: readonly Made[], seed: number, allFinite = false): void {
  const random = seeded(seed);
  const cases = made.map((m) => {
    const program = parseMil({ path: m.name, text: m.text });
    const inputs = sizesOf(program.functions[0]!).map((n) =>
      Float64Array.from({ length: n }, () => Math.round((random() - 0.5) * 512) / 512),
    );
    return { ...m, program, inputs };
  });
  for (const [numerics, theirs, bound] of [
    ["ideal", "ideal", 5e-5],
    ["fast", "fp16", 2e-2],
  ] as const) {
    const answers = runNatively(cases.map((c) => requestOf(c, { inputs: c.inputs, numerics })));
    for (const [i, c] of cases.entries()) {
      const names = c.program.functions[0]!.inputs.map((b) => b.name);
      const given = Object.fromEntries(names.map((name, k) => [name, c.inputs[k]!]));
      const expected = interpretMil(c.program, given, {
        numerics: theirs,
        weights: (_, offset) => c.weights && readBlobRecord(c.weights, offset),
      });
      for (const [k, { data }] of [...expected.values()].entries()) {
        if (allFinite) expect(data.every(Number.isFinite), c.name).toBe(true);
        expect(worstError(outputsOf(answers[i]!)[k]!, data), `${c.name} ${numerics}`).toBeLessThan(
          bound,
        );
      }
    }
  }
}

const entries = [
  { kind: "model", gradients: false },
  { kind: "train", gradients: true },
] as const;

test.each(modelNames())("every program of %s can be executed", (name) => {
  for (const { kind, gradients } of entries) {
    const made = programsOf(compile(graphOf(loadModel(name), kind), { target: "ane", gradients }));
    // Without runs a program is only read, checked and planned.
    for (const [i, answer] of runNatively(made.map((m) => requestOf(m, { runs: 0 }))).entries())
      expect("error" in answer ? answer.error : "", made[i]!.name).toBe("");
  }
});

test.each([false, true])("programs of tiny compute what they mean (gradients: %s)", (gradients) => {
  const kind = gradients ? "train" : "model";
  compare(programsOf(compile(graphOf(loadModel("tiny"), kind), { target: "ane", gradients })), 3);
});

test("programs of random graphs compute what they mean", () => {
  fc.assert(
    fc.property(lossGraph, fc.boolean(), ({ graph }, gradients) => {
      compare(programsOf(compile(graph, { target: "ane", gradients })), 5);
    }),
    { numRuns: 40 },
  );
});
