/**
 * Scale placement, value by value: every activation and every gradient that a program makes, on the bit-exact
 * numerics of the MIL interpreter, against the same step without rounding.
 */
import { expect, test } from "vitest";
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import type { Numerics } from "../../compiler/mil/interpret.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { compileAne, planAne } from "../../passes/ane/compile.ts";
import { calibrationOf, type Scales, scalesFrom } from "../../training/calibrate.ts";
import { engineGraph, LOSS_SCALE } from "../../training/engine_programs.ts";
import { bundleOf, runBundle } from "../support/run_bundle.ts";
import { seeded } from "../support/samples.ts";

const NONE: Scales = { lossScale: 1, programs: new Map() };
const model = () =>
  elaborate(loadModel("tiny"))
    .entries.find((e) => e.kind === "train")!
    .graph();

/** Parameters as training starts them, and a window of random tokens. */
function valuesFor(graph: ReturnType<typeof model>): Map<string, Tensor> {
  const random = seeded(11);
  return new Map(
    [...graph.inputs, ...graph.params].map((leaf) => {
      const shape = sizesOf(leaf.type.shape);
      const [kind, size = "0"] = String(leaf.attrs["init"] ?? "").split(" ");
      const draw = (): number => {
        if (leaf.type.dtype === "i32") return Math.floor(random() * 500);
        return kind === "ones" ? 1 : (2 * random() - 1) * Number(size);
      };
      const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw);
      return [leafName(leaf), { shape, data }];
    }),
  );
}

/** What the programs of a step make, by name. */
function made(scales: Scales, lossScale: number, numerics: Numerics): Map<string, Float64Array> {
  const { trained, compiling } = engineGraph(model(), { fusion: "layer", ane: "full" });
  const compiled = compileAne(trained, { ...compiling, scales: scales.programs });
  const values = valuesFor(model());
  values.set(LOSS_SCALE, { shape: [], data: Float64Array.of(lossScale) });
  const found = new Map<string, Float64Array>();
  runBundle(bundleOf(compiled, trained), values, numerics, (name, value) => found.set(name, value));
  return found;
}

function calibrated(): Scales {
  const { trained, compiling } = engineGraph(model(), { fusion: "layer", ane: "full" });
  const calibration = calibrationOf(planAne(trained, compiling), LOSS_SCALE);
  const values = valuesFor(model());
  values.set(LOSS_SCALE, { shape: [], data: Float64Array.of(1) });
  const sizes = interpret(calibration.graph, values);
  return scalesFrom(calibration, (output) => sizes.get(output)!.data[0]!);
}

/** Relative errors of the values, largest first. */
function errors(scales: Scales): { readonly name: string; readonly error: number }[] {
  const found = made(scales, scales.lossScale, "exact");
  const expected = made(NONE, scales.lossScale, "ideal");
  expect([...found.keys()]).toEqual([...expected.keys()]);
  return [...expected]
    .map(([name, value]) => {
      let [difference, size] = [0, 0];
      for (const [i, x] of value.entries()) {
        difference += (found.get(name)![i]! - x) ** 2;
        size += x ** 2;
      }
      return { name, error: Math.sqrt(difference / size) };
    })
    .sort((a, b) => b.error - a.error);
}

test("with scales every value is within 1 %, and nothing overflows", () => {
  const scales = calibrated();
  expect(scales.lossScale).toBeGreaterThan(1);
  const list = errors(scales);
  expect(list.length).toBeGreaterThan(25);
  expect(list[0]!.error, list[0]!.name).toBeLessThan(0.01);
  expect(list.every(({ error }) => Number.isFinite(error))).toBe(true);
});

test("without scales some gradients lose more than a tenth", () => {
  const list = errors(NONE);
  expect(list[0]!.error).toBeGreaterThan(0.1);
  expect(list.filter(({ error }) => error > 0.1).length).toBeGreaterThan(3);
});
