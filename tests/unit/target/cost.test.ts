/** The cost model: what it counts, how it adds up, and that its constants are the fitted ones. */
import { beforeAll, expect, test } from "vitest";
import { publishedRows, scoreRows, summarise } from "../../../bench/cost_model.ts";
import { type Fitted, fitConstants } from "../../../bench/fit_cost.ts";
import {
  type Direction,
  fullStep,
  fusedStep,
  matmulStep,
} from "../../../bench/published/layouts.ts";
import { outsideRows } from "../../../bench/published/programs.ts";
import { isSeen } from "../../../bench/published/row.ts";
import { CONFIGS } from "../../../bench/published/steps.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { CHIP_NAMES } from "../../../compiler/target/chip_names.ts";
import { constantsOf, hostCost, programCost } from "../../../compiler/target/cost.ts";
import {
  BORROWED,
  CHIP_CONSTANTS,
  SHARED_CONSTANTS,
} from "../../../compiler/target/cost_constants.ts";
import { scheduleCost, scheduleTraffic } from "../../../compiler/target/cost_schedule.ts";
import {
  addWork,
  NO_WORK,
  surfaceBytes,
  type Work,
  workOf,
} from "../../../compiler/target/cost_work.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { compile } from "../../../index.ts";
import { contentOf } from "../../meta/source_files.ts";

// --- Work ----------------------------------------------------------------------------------------

function work(inputs: Record<string, readonly number[]>, ...statements: string[]): Work {
  const ports = Object.entries(inputs).map(([name, shape]) => `tensor<fp16, [${shape}]> ${name}`);
  const last = /> (\w+) = /.exec(statements.at(-1)!)![1]!;
  const text = `program(1.3)\n{\n func main<ios18>(${ports.join(", ")}) {\n  ${statements.join("\n  ")}\n } -> (${last});\n}\n`;
  return workOf(parseMil({ path: "cost.mil", text }));
}

const matmul = (out: string, x: string, y: string, shape: readonly number[]): string =>
  `tensor<fp16, [${shape}]> ${out} = matmul(x = ${x}, y = ${y}, transpose_x = bool(false), transpose_y = bool(false))[name = string("${out}")];`;
const unary = (op: string, out: string, x: string, shape: readonly number[]): string =>
  `tensor<fp16, [${shape}]> ${out} = ${op}(x = ${x})[name = string("${out}")];`;
const weight = (name: string, shape: readonly number[]): string =>
  `tensor<fp16, [${shape}]> ${name} = const()[name = string("${name}"), val = tensor<fp16, [${shape}]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64)))];`;

test("a product with an input: its flops, its surfaces, no weights", () => {
  expect(
    work({ x: [1, 1, 8, 64], w: [1, 1, 64, 32] }, matmul("y", "x", "w", [1, 1, 8, 32])),
  ).toEqual({
    ...NO_WORK,
    flops: 2 * 8 * 64 * 32,
    surfaceBytes: 2 * (8 * 64 + 64 * 32 + 8 * 32),
    ops: 1,
  });
});

test("rows of surfaces are whole multiples of 64 bytes", () => {
  expect(surfaceBytes([1, 768, 1, 1], 2)).toBe(768 * 64);
  expect(surfaceBytes([8, 375, 749], 2)).toBe(8 * 375 * 1536);
  expect(surfaceBytes([1, 64, 1, 32], 2)).toBe(64 * 64);
});

test("constant weights are read once, an activation behind the product is free", () => {
  const two = work(
    { x: [1, 1, 8, 64] },
    weight("w", [64, 64]),
    matmul("a", "x", "w", [1, 1, 8, 64]),
    unary("silu", "b", "a", [1, 1, 8, 64]),
    matmul("y", "b", "w", [1, 1, 8, 64]),
  );
  expect(two).toMatchObject({ weightBytes: 2 * 64 * 64, elements: 0, ops: 2 });
});

test("an activation that somebody else reads too, or of an input, is counted", () => {
  expect(work({ x: [1, 8, 1, 32] }, unary("silu", "y", "x", [1, 8, 1, 32]))).toMatchObject({
    elements: 256,
    ops: 1,
  });
});

test("long contractions, moves, reductions and large values in between are counted apart", () => {
  const long = work(
    { x: [1, 1, 8, 8192], w: [1, 1, 8192, 32] },
    matmul("y", "x", "w", [1, 1, 8, 32]),
  );
  expect(long).toMatchObject({ flops: 0, longFlops: 2 * 8 * 8192 * 32 });
  const large = work(
    { x: [1, 1, 2048, 1024] },
    unary("exp", "a", "x", [1, 1, 2048, 1024]),
    `tensor<fp16, [1, 1, 1024, 2048]> b = transpose(x = a, perm = tensor<int32, [4]>([0, 1, 3, 2]))[name = string("b")];`,
    `tensor<fp16, [1, 1, 1024, 1]> y = reduce_sum(x = b, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))[name = string("y")];`,
  );
  const bytes = 2 * 2048 * 1024;
  expect(large).toMatchObject({
    elements: 2048 * 1024,
    movedBytes: bytes,
    reducedElements: 2048 * 1024,
    spilledBytes: 4 * bytes,
    ops: 3,
  });
});

// --- Time ----------------------------------------------------------------------------------------

test("the parts add up, for every chip, and more work never takes less time", () => {
  const base: Work = {
    flops: 1e9,
    longFlops: 1e8,
    weightBytes: 1e6,
    surfaceBytes: 1e6,
    elements: 1e6,
    reducedElements: 1e6,
    movedBytes: 1e6,
    spilledBytes: 1e6,
    ops: 10,
  };
  for (const chip of CHIP_NAMES) {
    const constants = constantsOf(chip);
    const { total, ...parts } = programCost(base, constants);
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBeCloseTo(total, 9);
    expect(programCost(NO_WORK, constants).total).toBe(constants.chip.dispatchMs);
    for (const key of Object.keys(base)) {
      const more = addWork(base, { [key]: 1e9 });
      expect(programCost(more, constants).total, key).toBeGreaterThan(total);
    }
  }
});

test("a busy host is slower", () => {
  const constants = constantsOf("m4");
  const quiet = hostCost({ copiedBytes: 1e6 }, constants).total;
  expect(hostCost({ copiedBytes: 1e6 }, constants, true).total).toBeGreaterThan(quiet);
});

test("a schedule: values between programs stay where they are, parameters are staged once", () => {
  const graph = elaborate(loadModel("tiny"))
    .entries.find((e) => e.kind === "train")!
    .graph();
  const { bundle, stats } = compile(graph, { target: "ane", gradients: true });
  const traffic = scheduleTraffic(bundle.manifest);
  // Every weight of the layers once.
  expect(traffic.staged).toBeGreaterThan(2 * 0.6 * stats.parameters);
  expect(traffic.staged).toBeLessThan(2 * stats.parameters);
  expect(traffic.copied).toBe(0);
  const works = new Map(
    bundle.manifest.programs.map((p) => {
      const text = new TextDecoder().decode(bundle.files.get(p.file));
      return [p.name, workOf(parseMil({ path: p.file, text }))];
    }),
  );
  const cost = scheduleCost(bundle.manifest, works, "m4");
  expect(cost.dispatches).toBe(stats.dispatches);
  expect(cost.total).toBeCloseTo(
    cost.engine.total + cost.writes + cost.reads + cost.copies + cost.hostOps,
    9,
  );
  expect(cost.engine.total).toBeCloseTo(
    cost.programs.reduce((sum, p) => sum + p.cost.total, 0),
    9,
  );
});

// --- The published steps -------------------------------------------------------------------------

const flops = (...ds: readonly Direction[]): number =>
  ds.flatMap((d) => d.works).reduce((sum, w) => sum + w.flops, 0);

test.each([
  ["autoresearch", fullStep, 40, 9_961_472, 11_796_480, 2_097_152, 6_241_124_352],
  ["autoresearch", matmulStep, 28, 4_587_520, 4_718_592, 0, 2_885_681_152],
  ["768d6L", fullStep, 60, 95_944_704, 111_673_344, 75_497_472, 103_884_521_472],
  ["768d6L", fusedStep, 48, 91_226_112, 106_954_752, 75_497_472, 103_884_521_472],
  ["ncdrone", fullStep, 60, 95_944_704, 111_673_344, 37_748_736, 103_884_521_472],
  ["stories110m", fullStep, 120, 95_944_704, 111_673_344, 37_748_736, 95_428_804_608],
  ["stories110m", matmulStep, 84, 40_894_464, 48_758_784, 0, 43_486_543_872],
  ["qwen3_06b", fullStep, 280, 425_721_856, 455_081_984, 117_440_512, 503_584_915_456],
] as const)("%s: dispatches, bytes and flops of a step", (name, make, calls, wr, rd, cp, total) => {
  const { forward, backward } = make(CONFIGS[name]);
  expect(forward.works.length + backward.works.length).toBe(calls);
  expect(forward.written + backward.written).toBe(wr);
  expect(forward.read + backward.read).toBe(rd);
  expect(forward.copied + backward.copied).toBe(cp);
  expect(flops(forward, backward)).toBe(total);
});

// --- The fit -------------------------------------------------------------------------------------

let fitted: Fitted;

beforeAll(() => {
  fitted = fitConstants(publishedRows.filter(isSeen));
});

test("the constants are what the fit gives", () => {
  expect(CHIP_CONSTANTS).toEqual(fitted.chips);
  expect(SHARED_CONSTANTS).toEqual(fitted.shared);
  expect(BORROWED).toEqual(fitted.borrowed);
});

test("names of rows are unique, half of them are seen, every chip has positive predictions", () => {
  const ids = [...publishedRows, ...outsideRows].map((r) => r.id);
  expect(new Set(ids).size).toBe(ids.length);
  const seen = publishedRows.filter(isSeen).length / publishedRows.length;
  expect(seen).toBeGreaterThan(0.4);
  expect(seen).toBeLessThan(0.6);
  for (const s of scoreRows(publishedRows, fitted)) {
    expect(Number.isFinite(s.predicted) && s.predicted > 0, s.row.id).toBe(true);
  }
});

test("the errors on unseen rows are those that are written down", () => {
  const unseen = scoreRows(publishedRows, fitted).filter((s) => !s.seen);
  const { rows, median, ninth, worst } = summarise(unseen);
  const said = `${rows} rows: median ${median.toFixed(2)}×, nine of ten within ${ninth.toFixed(2)}×, worst ${worst.factor.toFixed(2)}× (${worst.row.id})`;
  expect(contentOf("docs/cost_model.md")).toContain(said);
  expect(contentOf("cli/commands/cost.ts")).toContain(`factor of ${median.toFixed(2)}`);
});
