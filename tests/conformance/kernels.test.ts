/** Every kernel against its meaning, at random dimensions and values. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { interpretMil, type Numerics } from "../../compiler/mil/interpret.ts";
import { roundHalfAway } from "../../compiler/mil/numerics/half_away.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { countOf, type Tensor } from "../../compiler/ops/tensor.ts";
import { interpret, type Values } from "../../compiler/reference/interpret.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { roundToHalf } from "../../compiler/support/half.ts";
import { checkForChip } from "../../compiler/target/check_chip.ts";
import { type Kernel, kernelNames, renderKernel } from "../../kernels/index.ts";
import { readKernel } from "../../kernels/source.ts";
import { seeded } from "../support/samples.ts";

const names = kernelNames();

/** Values for the inputs of a kernel's meaning, from `draw`. */
function valuesFor(kernel: Kernel, draw: (name: string) => number): Values {
  return new Map(
    kernel.meaning.inputs.map((node): [string, Tensor] => {
      const shape = sizesOf(node.type.shape);
      const name = leafName(node);
      return [
        name,
        { shape, data: Float64Array.from({ length: countOf(shape) }, () => draw(name)) },
      ];
    }),
  );
}

function run(kernel: Kernel, values: Values, numerics: Numerics): Tensor {
  const inputs = kernel.pack(values);
  const options = { numerics, weights: kernel.weights };
  return kernel.unpack(interpretMil(kernel.program, inputs, options));
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  let [difference, size] = [0, 0];
  for (const [i, v] of b.data.entries()) {
    difference += (a.data[i]! - v) ** 2;
    size += v * v;
  }
  return Math.sqrt(difference / size);
}

const size = fc.integer({ min: 1, max: 24 });
/** H is a multiple of K; X and W are powers at which drawn values are whole numbers below 128. */
const dimensions = fc
  .record({
    S: size,
    D: size,
    I: size,
    O: size,
    F: size,
    E: size,
    K: fc.integer({ min: 1, max: 3 }),
    r: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ r, ...d }): Record<string, number> => ({ ...d, H: d.K * r }));

const ownDims = (name: string, all: Readonly<Record<string, number>>): Record<string, number> => {
  const known = renderKernel(name).dims;
  return Object.fromEntries(Object.entries(all).filter(([key]) => known.has(key)));
};

/** At most this far from the meaning, at values of about 1. fp16 is stored between ops; exact is off by its grid too. */
const BOUNDS: readonly (readonly [Numerics, number])[] = [
  ["ideal", 1e-9],
  ["fp16", 4e-3],
  ["fast", 4e-3],
];

test("there are kernels", () => {
  expect(names).toEqual(["dyn_matmul", "rms_norm", "sdpa_forward", "swiglu_ffn", "w8a8_linear"]);
});

test.each(names)("%s is what it means", (name) => {
  fc.assert(
    fc.property(dimensions, fc.integer({ min: 1, max: 1e6 }), (all, seed) => {
      const dims = ownDims(name, all);
      const random = seeded(seed);
      const grid = name === "w8a8_linear";
      // Values on the grids of the whole numbers; elsewhere values of fp16.
      const draw = (input: string): number => {
        const v = 4 * random() - 2;
        if (!grid) return roundToHalf(v);
        return input === "x" ? Math.round(v * 16) / 16 : Math.round(v * 32) / 64;
      };
      const values = valuesFor(renderKernel(name, dims), draw);
      const kernel = renderKernel(name, dims, { values });
      const expected = interpret(kernel.meaning, values).get("out")!;
      for (const [numerics, bound] of BOUNDS) {
        const off = distance(run(kernel, values, numerics), expected);
        if (!(off < bound) && expected.data.some((v) => v !== 0))
          expect.fail(`${numerics}: ${off}`);
      }
    }),
    { numRuns: 25 },
  );
});

test.each(names)("%s in the engine's arithmetic", (name) => {
  const random = seeded(5);
  const normal = (): number => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random();
    return sum;
  };
  const draw = (input: string): number =>
    name === "w8a8_linear"
      ? Math.round(normal() * 16) / (input === "x" ? 16 : 64)
      : roundToHalf(input.startsWith("w") ? normal() / 4 : normal());
  const values = valuesFor(renderKernel(name), draw);
  const kernel = renderKernel(name, {}, { values });
  const expected = interpret(kernel.meaning, values).get("out")!;
  expect(distance(run(kernel, values, "exact"), expected)).toBeLessThan(
    name === "swiglu_ffn" ? 2e-2 : 4e-3,
  );
});

test("int8 products are whole numbers, rounded once", () => {
  fc.assert(
    fc.property(dimensions, fc.integer({ min: 1, max: 1e6 }), (all, seed) => {
      const { S, I, O } = all as { S: number; I: number; O: number };
      const random = seeded(seed);
      const byte = (): number => Math.floor(random() * 256) - 128;
      const values = valuesFor(
        renderKernel("w8a8_linear", { S, I, O }),
        (name) => byte() / (name === "x" ? 16 : 64),
      );
      const kernel = renderKernel("w8a8_linear", { S, I, O }, { values });
      const [x, w] = [values.get("x")!.data, values.get("w")!.data];
      const expected = Float64Array.from({ length: S * O }, (_, at) => {
        const [s, o] = [Math.floor(at / O), at % O];
        let sum = 0;
        for (let i = 0; i < I; i++) sum += 16 * x[s * I + i]! * (64 * w[o * I + i]!);
        return roundHalfAway(sum / 1024) + 0;
      });
      expect([...run(kernel, values, "exact").data].map((v) => v + 0)).toEqual([...expected]);
    }),
    { numRuns: 25 },
  );
});

test.each(names)("%s is accepted by the chips it is for", (name) => {
  const kernel = renderKernel(name);
  for (const chip of ["m3", "m4", "m5"] as const) {
    const errors = checkForChip(kernel.program, { chip }).filter((d) => d.severity === "error");
    expect(errors.map((d) => d.title)).toEqual([]);
  }
  expect(printMil(kernel.program)).toBe(kernel.text);
  expect(kernel.doc.length).toBeGreaterThan(20);
});

test("dimensions that do not exist or do not fit are mistakes of the caller", () => {
  expect(() => renderKernel("dyn_matmul", { Q: 3 })).toThrow(UserError);
  expect(() => renderKernel("sdpa_forward", { H: 3, K: 2 })).toThrow(UserError);
});

test("ports hold nothing that the meaning does not name", () => {
  for (const name of names) {
    const { meaning } = renderKernel(name);
    const known = ["out", ...meaning.inputs.map(leafName)];
    const parts = readKernel(name).ports.flatMap((p) => p.parts);
    const used = parts.flatMap((p) => (p.kind === "value" ? [p.name] : []));
    expect(used.sort()).toEqual(known.sort());
  }
});
