/** Range analysis: what it must find, and where it must be silent. */
import { expect, test } from "vitest";
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { analyseRanges, type RangeOptions } from "../../compiler/target/range/analyse.ts";
import { calibrate } from "../../compiler/target/range/calibrate.ts";
import { checkRanges, givenRanges } from "../../compiler/target/range/report.ts";
import {
  lossScaleFor,
  paramSpreads,
  rangesOfBundle,
  rangeWarnings,
} from "../../compiler/target/range/schedule.ts";
import { normalised, uniform, within } from "../../compiler/target/range/spread.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { createRandom } from "../../training/random.ts";

/** A function of fp16 inputs with these statements. */
function program(inputs: Record<string, readonly number[]>, ...statements: string[]): MilProgram {
  const ports = Object.entries(inputs).map(([name, shape]) => `tensor<fp16, [${shape}]> ${name}`);
  const last = /> (\w+) = /.exec(statements.at(-1)!)![1]!;
  const text = `program(1.3)\n{\n func main<ios18>(${ports.join(", ")}) {\n  ${statements.join("\n  ")}\n } -> (${last});\n}\n`;
  return parseMil({ path: "range.mil", text });
}

const kinds = (p: MilProgram, options: RangeOptions = {}): string[] =>
  analyseRanges(p, options).hazards.map((h) => `${h.kind} ${h.value}`);

const codes = (p: MilProgram, options: RangeOptions = {}): string[] =>
  checkRanges(p, options).map((d) => d.code);

// --- Silence -------------------------------------------------------------------------------------

test.each(["tiny", "autoresearch", "stories110m"])("nothing to say about %s", (name) => {
  const graph = elaborate(loadModel(name))
    .entries.find((e) => e.kind === "model")!
    .graph();
  const { bundle } = compile(graph, { target: "ane" });
  expect(rangeWarnings(bundle, { params: paramSpreads(graph) })).toEqual([]);
});

test("nothing to say about a training step with the loss scale it asks for", () => {
  const graph = elaborate(loadModel("autoresearch"))
    .entries.find((e) => e.kind === "train")!
    .graph();
  const { bundle, hostNodes = [] } = compile(graph, { target: "ane", gradients: true });
  const options = { params: paramSpreads(graph), hostNodes };
  const scale = lossScaleFor(rangesOfBundle(bundle, options));
  // Each of the programs that go back.
  expect(rangeWarnings(bundle, options).map((d) => d.code)).toEqual(["E0594", "E0594"]);
  expect(scale).toBe(256);
  const withScale = { ...options, lossScale: scale };
  expect(rangeWarnings(bundle, withScale)).toEqual([]);
  expect(lossScaleFor(rangesOfBundle(bundle, withScale))).toBe(scale);
});

test.each(["tiny", "autoresearch"])(
  "%s: values that share a port are followed one by one",
  (name) => {
    const graph = elaborate(loadModel(name))
      .entries.find((e) => e.kind === "train")!
      .graph();
    const params = paramSpreads(graph);
    const [shared, own] = [false, true].map((separatePorts) => {
      const made = compile(graph, { target: "ane", gradients: true, separatePorts });
      const { products } = rangesOfBundle(made.bundle, { params, hostNodes: made.hostNodes ?? [] });
      return products.map((p) => Number(p.size.toPrecision(6)));
    });
    expect(shared!.length).toBeGreaterThan(10);
    expect(shared).toEqual(own);
  },
);

// --- The engine's cliffs -------------------------------------------------------------------------

const REDUCE = "axes = tensor<int32, [1]>([1]), keep_dims = bool(true)";
const logSumExp = program(
  { x: [1, 32, 1, 32] },
  `tensor<fp16, [1, 32, 1, 32]> e = exp(x = x)[name = string("e")];`,
  `tensor<fp16, [1, 1, 1, 32]> total = reduce_sum(x = e, ${REDUCE})[name = string("total")];`,
  `tensor<fp16, [1, 1, 1, 32]> y = log(x = total, epsilon = fp16(0x1p-17))[name = string("y")];`,
);

test("a log-sum-exp of 32 channels ends where it is reported to", () => {
  // apple/coremltools issue 2690: exact up to ln(65504 / 32) = 7.624.
  expect(kinds(logSumExp, { inputs: { x: within(-15, 7.6) } })).toEqual([]);
  expect(kinds(logSumExp, { inputs: { x: within(-15, 7.64) } })).toEqual(["storage total"]);
  expect(kinds(logSumExp)).toEqual([]);
});

test("the op for it ends at the same place", () => {
  const op = program(
    { x: [1, 32, 1, 32] },
    `tensor<fp16, [1, 1, 1, 32]> y = reduce_log_sum_exp(x = x, ${REDUCE})[name = string("y")];`,
  );
  expect(kinds(op, { inputs: { x: within(-15, 7.6) } })).toEqual([]);
  const [hazard] = analyseRanges(op, { inputs: { x: within(-15, 7.64) } }).hazards;
  expect(hazard).toMatchObject({ kind: "storage", op: "reduce_log_sum_exp" });
  expect(hazard!.mend).toContain("subtract the largest");
});

test("with the largest element subtracted it has no end", () => {
  const shifted = program(
    { x: [1, 32, 1, 32] },
    `tensor<fp16, [1, 1, 1, 32]> top = reduce_max(x = x, ${REDUCE})[name = string("top")];`,
    `tensor<fp16, [1, 32, 1, 32]> low = sub(x = x, y = top)[name = string("low")];`,
    `tensor<fp16, [1, 32, 1, 32]> e = exp(x = low)[name = string("e")];`,
    `tensor<fp16, [1, 1, 1, 32]> total = reduce_sum(x = e, ${REDUCE})[name = string("total")];`,
    `tensor<fp16, [1, 32, 1, 32]> y = real_div(x = e, y = total)[name = string("y")];`,
  );
  const { hazards, values } = analyseRanges(shifted, { inputs: { x: within(-900, 900) } });
  expect(hazards.filter((h) => h.kind === "storage")).toEqual([]);
  expect(values.get("e")).toMatchObject({ high: 1 });
  expect(values.get("y")).toMatchObject({ low: 0, high: 1 });
});

const squares = (reduce: string): MilProgram =>
  program(
    { x: [1, 768, 1, 32] },
    `tensor<fp16, [1, 768, 1, 32]> s = square(x = x)[name = string("s")];`,
    `tensor<fp16, [1, 1, 1, 32]> y = ${reduce}(x = s, ${REDUCE})[name = string("y")];`,
  );

test("a sum of squares at D = 768 passes 65,504 when elements pass √(65504/768) = 9.2", () => {
  expect(kinds(squares("reduce_sum"), { inputs: { x: within(-9.2, 9.2) } })).toEqual([]);
  expect(kinds(squares("reduce_sum"), { inputs: { x: within(-9.3, 9.3) } })).toEqual(["storage y"]);
  expect(kinds(squares("reduce_sum"), { inputs: { x: normalised(8) } })).toEqual([]);
  expect(kinds(squares("reduce_sum"), { inputs: { x: normalised(10) } })).toEqual(["storage y"]);
  expect(kinds(squares("reduce_mean"), { inputs: { x: normalised(30) } })).toEqual([]);
  expect(kinds(squares("reduce_mean"), { inputs: { x: within(-300, 300) } })).toEqual([
    "storage s",
  ]);
});

const product = program(
  { x: [1, 1, 32, 256], w: [1, 1, 256, 64] },
  `tensor<fp16, [1, 1, 32, 64]> y = matmul(x = x, y = w, transpose_x = bool(false), transpose_y = bool(false))[name = string("y")];`,
);

test("a matmul that passes 32,768, half of what fp16 holds", () => {
  const range = (top: number): RangeOptions => ({
    inputs: { x: within(0, top), w: within(0, 8) },
  });
  expect(kinds(product, range(15.9))).toEqual([]);
  expect(kinds(product, range(16))).toEqual(["accumulator y"]);
  expect(kinds(product)).toEqual([]);
  // 6 deviations of √256 · 40 · 60 are 230,400.
  const wide = { inputs: { x: normalised(40), w: normalised(60) } };
  const [hazard] = analyseRanges(product, wide).hazards;
  expect(hazard!.reach).toBeCloseTo(230_400, -3);
  expect(hazard!.mend).toContain("multiply `x` by 2^-4");
});

test("what follows from a hazard is not reported again", () => {
  const chain = program(
    { x: [1, 1, 32, 64], w: [1, 1, 64, 64] },
    `tensor<fp16, [1, 1, 32, 64]> a = matmul(x = x, y = w, transpose_x = bool(false), transpose_y = bool(false))[name = string("a")];`,
    `tensor<fp16, [1, 1, 32, 64]> b = mul(x = a, y = a)[name = string("b")];`,
    `tensor<fp16, [1, 1, 32, 64]> c = matmul(x = b, y = w, transpose_x = bool(false), transpose_y = bool(false))[name = string("c")];`,
  );
  expect(kinds(chain, { inputs: { x: normalised(100), w: normalised(100) } })).toEqual([
    "accumulator a",
  ]);
});

test("roots, logarithms and quotients at 0", () => {
  const unguarded = program(
    { x: [1, 32, 1, 32] },
    `tensor<fp16, [1, 32, 1, 32]> r = rsqrt(x = x, epsilon = fp16(0x1p-20))[name = string("r")];`,
    `tensor<fp16, [1, 32, 1, 32]> y = real_div(x = x, y = x)[name = string("y")];`,
  );
  expect(kinds(unguarded, { inputs: { x: within(0, 1) } })).toEqual(["undefined r", "undefined y"]);
  expect(kinds(unguarded, { inputs: { x: within(0.1, 1) } })).toEqual([]);
});

test("slices of the last axis on the M1 and M2", () => {
  const sliced = program(
    { x: [1, 32, 1, 64] },
    `tensor<fp16, [1, 32, 1, 32]> y = slice_by_size(x = x, begin = tensor<int32, [4]>([0, 0, 0, 32]), size = tensor<int32, [4]>([1, 32, 1, 32]))[name = string("y")];`,
  );
  const inputs = { x: within(-5000, 5000) };
  expect(kinds(sliced, { inputs, chip: "m2_pro" })).toEqual(["slice y"]);
  expect(kinds(sliced, { inputs, chip: "m4" })).toEqual([]);
});

test("values and products that vanish", () => {
  const tiny = { inputs: { x: normalised(1e-3), w: normalised(1e-4) } };
  expect(kinds(product, tiny)).toEqual(["grid y"]);
  expect(codes(product, tiny)).toEqual(["E0594"]);
  const small = program(
    { x: [1, 32, 1, 32] },
    `tensor<fp16, [1, 32, 1, 32]> y = mul(x = x, y = fp16(0x1p-14))[name = string("y")];`,
  );
  expect(kinds(small, { inputs: { x: normalised(1e-4) } })).toEqual(["vanishing y"]);
});

// --- The error law -------------------------------------------------------------------------------

const gaussian = (count: number, size: number, seed: number): Float64Array => {
  const random = createRandom(seed);
  const bits = new Float32Array(12 * count);
  random.fillUniform(bits, 1);
  // The sum of twelve numbers from −1 to 1 has the deviation 2.
  return Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < 12; j++) sum += bits[12 * i + j]!;
    return (sum / 2) * size;
  });
};

/** Relative error of sums of 256 products, each rounded to a multiple of 2^-16. */
function gridErrorOf(sx: number, sw: number): number {
  const [x, w] = [gaussian(256 * 64, sx, 1), gaussian(256 * 64, sw, 2)];
  let [wrong, right] = [0, 0];
  for (let row = 0; row < 64; row++) {
    let [rounded, exact] = [0, 0];
    for (let k = 256 * row; k < 256 * (row + 1); k++) {
      const p = x[k]! * w[k]!;
      exact += p;
      rounded += Math.round(p * 65_536) / 65_536;
    }
    wrong += (rounded - exact) ** 2;
    right += exact ** 2;
  }
  return Math.sqrt(wrong / right);
}

test.each([
  [1, 0.02],
  [0.1, 0.02],
  [0.05, 0.01],
  [1, 1e-3],
])("products of sizes %f and %f err as the law says", (sx, sw) => {
  const { hazards, values } = analyseRanges(product, {
    inputs: { x: { ...normalised(sx), error: 0 }, w: { ...normalised(sw), error: 0 } },
  });
  const predicted = Math.sqrt(values.get("y")!.error ** 2 - 2.08e-4 ** 2);
  expect(predicted / (4.4e-6 / (sx * sw))).toBeCloseTo(1, 1);
  expect(predicted / gridErrorOf(sx, sw)).toBeGreaterThan(0.8);
  expect(predicted / gridErrorOf(sx, sw)).toBeLessThan(1.25);
  expect(hazards).toEqual([]);
});

// --- Calibration ---------------------------------------------------------------------------------

test("typical sizes through a whole block are near those of a run", () => {
  const graph = elaborate(loadModel("tiny"))
    .entries.find((e) => e.kind === "model")!
    .graph();
  // A port for each parameter: x, and the weights of products.
  const { bundle } = compile(graph, { target: "ane", weights: "params" });
  const file = bundle.files.get("programs/layer_fwd.mil")!;
  const block = parseMil({ path: "layer_fwd.mil", text: new TextDecoder().decode(file) });
  const inputs = Object.fromEntries(
    block.functions[0]!.inputs.map(({ name, type }, i) => {
      const shape = type.kind === "tensor" ? type.shape.map(Number) : [];
      const count = shape.reduce((a, b) => a * b, 1);
      const size = i === 0 ? 1 : 0.07;
      return [name, { data: gaussian(count, size, i + 1), spread: normalised(size) }];
    }),
  );
  const record = <T>(f: (i: (typeof inputs)[string]) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(inputs).map(([name, i]) => [name, f(i)]));
  const weights = bundle.manifest.programs.find((p) => p.name === "layer_fwd")!.weights!;
  const resolver = resolverFor(bundle.files.get(weights)!);
  const seen = calibrate(block, [record((i) => i.data)], { weights: resolver, margin: 1 });
  const { values, hazards } = analyseRanges(block, {
    inputs: record((i) => i.spread),
    weights: resolver,
  });
  expect(hazards).toEqual([]);
  const far = [...seen].filter(([name, { spread }]) => {
    const expected = values.get(name)!;
    const ratio = expected.rms / spread.rms;
    return ratio < 1 / 3 || ratio > 3 || spread.high > expected.high * 1.5;
  });
  expect(far.map(([name]) => name)).toEqual([]);
  expect(seen.size).toBeGreaterThan(40);
});

test("samples say which element goes too far", () => {
  const x = gaussian(32 * 256, 1, 1);
  const w = gaussian(256 * 64, 1, 2);
  for (let k = 0; k < 256; k++) {
    x[5 * 256 + k] = 20;
    w[k * 64 + 7] = 20;
  }
  const seen = calibrate(product, [{ x, w }]);
  const [warning] = checkRanges(product, { observed: seen });
  expect(warning).toMatchObject({ code: "E0591", severity: "warning" });
  expect(warning!.notes).toContainEqual(["where", "element [0, 0, 5, 7]"]);
  expect(warning!.labels[0]!.span.source.path).toBe("range.mil");
});

test("constant weights say which channel goes too far", () => {
  const w = Array.from({ length: 4 * 32 }, (_, i) => (i % 4 === 2 ? 3000 : 1));
  const constant = program(
    { x: [1, 1, 32, 32] },
    `tensor<fp16, [32, 4]> w = const()[name = string("w"), val = tensor<fp16, [32, 4]>([${w}])];`,
    `tensor<fp16, [1, 1, 32, 4]> y = matmul(x = x, y = w, transpose_x = bool(false), transpose_y = bool(false))[name = string("y")];`,
  );
  const [hazard] = analyseRanges(constant, { inputs: { x: within(-4, 4) } }).hazards;
  expect(hazard).toMatchObject({ kind: "accumulator", where: "channel 2" });
});

test("a range must be of an input, the lower end first", () => {
  expect(givenRanges(product, [["x", -1, 1]])).toEqual({ x: within(-1, 1) });
  expect(() => givenRanges(product, [["z", -1, 1]])).toThrow("is for no input");
  expect(() => givenRanges(product, [["x", 1, -1]])).toThrow("goes from 1 down to -1");
});

test("sizes of uniform numbers", () => {
  expect(uniform(-1, 1).rms).toBeCloseTo(1 / Math.sqrt(3));
});

function resolverFor(bytes: Uint8Array) {
  return (_path: string, offset: number) => readBlobRecord(bytes, offset);
}
