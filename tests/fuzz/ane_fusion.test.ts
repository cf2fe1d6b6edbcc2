/**
 * Random models, every fusion, packed weights and weights as parameters: loss and all gradients are those of the
 * reference, the facts hold, and the schedule reads nothing that was not written.
 *
 * How far fp16 may be off is derived, case by case. To first order in the unit roundoff u = 2⁻¹¹ the error of
 * a run is a sum over everything it stores, e = Σ Jᵢ·rᵢ, where Jᵢ is how the result depends on the stored
 * number vᵢ and the rounding is |rᵢ| ≤ u·|vᵢ| + 2⁻²⁵ (the second term for numbers below 2⁻¹⁴). The sum of the
 * same terms with each rᵢ replaced by its bound and a random sign has the mean square Σ ‖Jᵢ‖²·(u·|vᵢ| + 2⁻²⁵)²,
 * at least three times that of roundings spread evenly over their interval. So a run in float64 in which every
 * stored number is moved by its bound, up or down at random, shows the size of the error that fp16 may
 * have; its root mean square over such runs, six times, is the limit. Two runs are enough as a rule; where a
 * result exceeds what they say, thirty more make the root mean square a better one (of two runs it is below
 * a quarter of its value once in sixteen where one rounding decides). Constants in fp32 have 2⁻²⁴ in
 * the place of u, which gives the limit for a run in float64 by the same argument: 2⁻¹³ of the other.
 *
 * `FUZZ_CASES=2000` draws that many cases (the nightly setting) instead of 200.
 */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { checkForChip } from "../../compiler/target/check_chip.ts";
import { type Compilation, type CompileOptions, compile } from "../../index.ts";
import { distance, worstError } from "../support/close.ts";
import { graphOf, type RandomModel, randomModel, valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";
import { seeded } from "../support/samples.ts";
import { faultsOfSchedule } from "../support/schedule_reads.ts";

const CASES = Number(process.env["FUZZ_CASES"] ?? 200);
const TIMEOUT = 180_000 * Math.max(1, CASES / 200);
const UNIT = 2 ** -11;
const NOISY_RUNS = 2;
const MORE_RUNS = 30;
const MARGIN = 6;

/** While `random` is there, every number that is stored as fp16 is moved by its rounding error's bound. */
const noise = vi.hoisted(() => ({ random: undefined as (() => number) | undefined }));

vi.mock("../../compiler/mil/interpret_values.ts", async (load) => {
  const original = await load<typeof import("../../compiler/mil/interpret_values.ts")>();
  const noisy =
    (round: typeof original.rounding): typeof original.rounding =>
    (element, numerics) => {
      const { random } = noise;
      if (element !== "fp16" || random === undefined) return round(element, numerics);
      return (x) => x + (random() < 0.5 ? -1 : 1) * (2 ** -11 * Math.abs(x) + 2 ** -25);
    };
  return { ...original, rounding: noisy(original.rounding), storing: noisy(original.storing) };
});

type Results = ReadonlyMap<string, Float64Array>;

function noisyRun(made: Compilation, values: ReadonlyMap<string, Tensor>, seed: number): Results {
  noise.random = seeded(seed);
  try {
    return runBundle(made, values);
  } finally {
    noise.random = undefined;
  }
}

const CHIPS = ["m1", "m2", "m3", "m4", "m5"] as const;
const checked = new Set<string>();

function errorsOnChips({ bundle }: Compilation): string[] {
  return bundle.manifest.programs.flatMap(({ file }) => {
    const text = new TextDecoder().decode(bundle.files.get(file)!);
    if (checked.has(text)) return [];
    checked.add(text);
    const program = parseMil({ path: file, text });
    return CHIPS.flatMap((chip) =>
      checkForChip(program, { chip })
        .filter((d) => d.severity === "error")
        .map((d) => `${file} on ${chip}: ${d.title}`),
    );
  });
}

function checkPorts({ bundle }: Compilation): void {
  for (const { inputs, outputs } of bundle.manifest.programs) {
    for (const ports of [inputs, outputs]) {
      const names = ports.map((p) => p.name);
      expect([...names].sort()).toEqual(names);
      for (const { shape } of ports) expect((2 * shape[3]!) % 64).toBe(0);
    }
  }
}

function checkNumbers(
  made: Compilation,
  values: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
  seed: number,
): void {
  const [found, half] = [runBundle(made, values), runBundle(made, values, "fp16")];
  const runs = Array.from({ length: NOISY_RUNS }, (_, i) => noisyRun(made, values, seed + i));
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, value] of expected) {
    const result = { shape: value.shape, data: found.get(name)! };
    expect(worstError(result, value), name).toBeLessThan(1e-5);
    // What is returned is stored once at least.
    const stored = UNIT * distance(value.data, new Float64Array(value.data.length));
    const limitNow = (): number => {
      const moved = runs.reduce((sum, run) => sum + distance(run.get(name)!, value.data) ** 2, 0);
      return MARGIN * Math.hypot(Math.sqrt(moved / runs.length), stored);
    };
    const error = distance(half.get(name)!, value.data);
    if (error > limitNow() && runs.length === NOISY_RUNS) {
      for (let i = 0; i < MORE_RUNS; i++) runs.push(noisyRun(made, values, seed + NOISY_RUNS + i));
    }
    const limit = limitNow();
    expect(error, name).toBeLessThanOrEqual(limit);
    expect(distance(result.data, value.data), name).toBeLessThanOrEqual(limit * 2 ** -13 + 1e-12);
  }
}

const WEIGHTS = ["packed", "params"] as const;
const SCHEMES: readonly (readonly [string, Partial<CompileOptions>])[] = [
  ["none", { fusion: "none" }],
  ["pairs", { fusion: "pairs" }],
  ["layer", { fusion: "layer" }],
  ["matmul", { ane: "matmul" }],
];

test.each(SCHEMES)(
  "%s: loss and gradients are those of the reference",
  (_name, options) => {
    const check = ({ source, seed }: RandomModel, weights: (typeof WEIGHTS)[number]): void => {
      const graph = graphOf(source, "train");
      const values = valuesOf(graph, seed);
      const made = compile(graph, {
        target: "ane",
        gradients: true,
        ...options,
        weights,
        exactTables: true,
      });
      expect(faultsOfSchedule(made.bundle.manifest)).toEqual([]);
      expect(errorsOnChips(made)).toEqual([]);
      checkPorts(made);
      checkNumbers(made, values, interpret(differentiate(graph), values), seed);
    };
    fc.assert(fc.property(randomModel, fc.constantFrom(...WEIGHTS), check), {
      numRuns: Math.ceil(CASES / SCHEMES.length),
    });
  },
  TIMEOUT,
);

test(
  "forward alone, with weights baked too: logits are those of the reference",
  () => {
    const check = ({ source, seed }: RandomModel, weights: "packed" | "params" | "baked"): void => {
      const graph = graphOf(source, "model");
      const values = valuesOf(graph, seed);
      const made = compile(graph, {
        target: "ane",
        weights,
        exactTables: true,
        ...(weights === "baked" ? { baked: (p) => values.get(leafName(p))! } : {}),
      });
      expect(faultsOfSchedule(made.bundle.manifest)).toEqual([]);
      expect(errorsOnChips(made)).toEqual([]);
      const expected = interpret(graph, values).get("out")!;
      const found = runBundle(made, values).get("out")!;
      expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-5);
    };
    fc.assert(fc.property(randomModel, fc.constantFrom(...WEIGHTS, "baked" as const), check), {
      numRuns: Math.ceil(CASES / 8),
    });
  },
  TIMEOUT,
);
