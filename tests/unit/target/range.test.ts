/** Range analysis: its laws, and the messages word for word. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type RangePlaces,
  rangeAccumulator,
  rangeBadInput,
  rangeGrid,
  rangeSlice,
  rangeStorage,
  rangeUndefined,
  rangeVanishing,
} from "../../../compiler/messages/range.ts";
import { interpretMil } from "../../../compiler/mil/interpret.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { spanOf } from "../../../compiler/support/source.ts";
import { analyseRanges } from "../../../compiler/target/range/analyse.ts";
import {
  dotOf,
  normalised,
  observed,
  productOf,
  sumOf,
  totalOf,
  uniform,
  within,
} from "../../../compiler/target/range/spread.ts";

// --- Laws ----------------------------------------------------------------------------------------

const OPS = [
  "abs",
  "square",
  "relu",
  "tanh",
  "sigmoid",
  "silu",
  "gelu",
  "exp",
  "add",
  "sub",
  "mul",
  "maximum",
  "minimum",
  "matmul",
  "reduce_sum",
  "reduce_mean",
  "reduce_max",
  "softmax",
] as const;

type Op = (typeof OPS)[number];

const SHAPE = "tensor<fp16, [4, 4]>";
const REDUCE = "axes = tensor<int32, [1]>([1]), keep_dims = bool(true)";

/** A statement of an op on earlier values; reductions are spread over their row again. */
function statement(op: Op, i: number, x: string, y: string): string {
  const end = `[name = string("v${i}")];`;
  if (op === "gelu") return `${SHAPE} v${i} = gelu(x = ${x}, mode = string("EXACT"))${end}`;
  if (op === "softmax") return `${SHAPE} v${i} = softmax(x = ${x}, axis = int32(-1))${end}`;
  if (op === "matmul") {
    return `${SHAPE} v${i} = matmul(x = ${x}, y = ${y}, transpose_x = bool(false), transpose_y = bool(true))${end}`;
  }
  if (op.startsWith("reduce")) {
    return (
      `tensor<fp16, [4, 1]> r${i} = ${op}(x = ${x}, ${REDUCE})[name = string("r${i}")];\n` +
      `${SHAPE} v${i} = add(x = ${x}, y = r${i})${end}`
    );
  }
  const isBinary = ["add", "sub", "mul", "maximum", "minimum"].includes(op);
  return `${SHAPE} v${i} = ${op}(x = ${x}${isBinary ? `, y = ${y}` : ""})${end}`;
}

const chain = fc.array(fc.tuple(fc.constantFrom(...OPS), fc.nat(), fc.nat()), {
  minLength: 1,
  maxLength: 6,
});

test("what a program computes from inputs in their ranges lies in the ranges found", () => {
  const elements = fc.array(fc.double({ min: -2, max: 3, noNaN: true }), {
    minLength: 16,
    maxLength: 16,
  });
  fc.assert(
    fc.property(chain, elements, elements, (ops, x, w) => {
      const names = ["x", "w"];
      const lines = ops.map(([op, a, b], i) => {
        const line = statement(op, i, names[a % names.length]!, names[b % names.length]!);
        names.push(`v${i}`);
        return line;
      });
      const last = names.at(-1)!;
      const text = `program(1.3)\n{\nfunc main<ios18>(${SHAPE} x, ${SHAPE} w) {\n${lines.join("\n")}\n} -> (${last});\n}\n`;
      const program = parseMil({ path: "chain.mil", text });
      const { values, hazards } = analyseRanges(program, {
        inputs: { x: within(-2, 3), w: within(-2, 3) },
      });
      // What passes a limit is reported, and what follows from it has no range.
      fc.pre(hazards.length === 0);
      const inputs = { x: Float64Array.from(x), w: Float64Array.from(w) };
      const { data } = interpretMil(program, inputs, { numerics: "ideal" }).get(last)!;
      const { low, high } = values.get(last)!;
      const room = 1e-6 + 1e-2 * Math.max(Math.abs(low), Math.abs(high));
      expect(Math.min(...data)).toBeGreaterThanOrEqual(low - room);
      expect(Math.max(...data)).toBeLessThanOrEqual(high + room);
    }),
    { numRuns: 400 },
  );
});

test("sums, products and dot products of elements with statistics", () => {
  const [x, y] = [normalised(2), normalised(3)];
  expect(sumOf(x, y).rms).toBeCloseTo(Math.hypot(2, 3));
  expect(productOf(x, y).rms).toBeCloseTo(6);
  expect(dotOf(x, y, 100)).toMatchObject({ low: -360, high: 360, mean: 0, rms: 60 });
  expect(totalOf(uniform(0, 1), 1200).mean).toBeCloseTo(600);
  expect(totalOf(uniform(0, 1), 1200).high).toBeCloseTo(600 + 6 * 10);
});

test("elements of a mere range add up to the end of it", () => {
  expect(dotOf(within(-1, 2), within(0, 3), 10)).toMatchObject({ low: -30, high: 60 });
  expect(totalOf(within(-1, 2), 10)).toMatchObject({ low: -10, high: 20 });
});

test("the mask of a softmax does not count", () => {
  expect(observed([0, -65_504, 0, -40_000])).toMatchObject({ low: 0, high: 0, masked: true });
});

test("an op without a rule is named, and what it makes raises no alarm", () => {
  const text =
    "program(1.3)\n{\nfunc main<ios18>(tensor<fp16, [4, 4]> x) {\n" +
    'tensor<fp16, [4, 4]> y = magic(x = x)[name = string("y")];\n} -> (y);\n}\n';
  const found = analyseRanges(parseMil({ path: "m.mil", text }), {
    inputs: { x: within(-6e4, 6e4) },
  });
  expect(found.unfollowed).toEqual(["magic"]);
  expect(found.hazards).toEqual([]);
});

// --- Messages ------------------------------------------------------------------------------------

const source = { path: "m.mil", text: "tensor<fp16, [4, 4]> y = op(x = x);\n" };
const span = spanOf(source, 21, 22);

const places = (reach: number, limit: number, where?: string): RangePlaces => ({
  program: "block",
  assumed: "mean 0 and size 1",
  further: 2,
  places: [
    {
      value: "y",
      op: "op",
      span,
      reach,
      limit,
      mend: "do something",
      ...(where === undefined ? {} : { where }),
    },
  ],
});

test("E0590 in full", () => {
  expect(
    renderDiagnostics([rangeStorage(places(81_000, 65_504, "channel 17"))]),
  ).toMatchInlineSnapshot(`
    "warning[E0590]: \`y\` may reach 81,000, and fp16 ends at 65,504

      m.mil:1:22
            |
          1 | tensor<fp16, [4, 4]> y = op(x = x);
            |                      ~
            |                      up to 81,000
            |
      What does not fit becomes infinity, and what is computed from it infinity or
      not a number.

      program block
      where  channel 17
      inputs mean 0 and size 1
      also   at 2 other places
      help: do something"
  `);
});

test("the others: what and why", () => {
  const all = [
    rangeAccumulator(places(40_000, 32_768)),
    rangeUndefined(places(-0.5, 0)),
    rangeVanishing(places(1.25e-8, 3.4e-7)),
    rangeGrid(places(0.43, 0.05)),
    rangeSlice(places(5000, 4094)),
    rangeBadInput("z", "is for no input of the program", ["x", "w"]),
  ];
  expect(all.map((d) => `${d.severity} ${d.code}: ${d.title}. ${d.why}`)).toMatchInlineSnapshot(`
    [
      "warning E0591: \`op\` may add up to 40,000, and the engine's accumulator ends at 32,768. The sum becomes infinite as soon as a part of it passes the limit, even if later terms would bring it back.",
      "warning E0592: \`op\` may get -0.5, where it is not defined. The result is infinite or not a number there.",
      "warning E0593: \`y\` is typically 1.2e-8, of which fp16 keeps few digits or none. Numbers below 6.1e-5 lose digits, those below 6e-8 are stored as 0.",
      "warning E0594: \`op\` loses about 43 % of its result to rounding. Each term is rounded to a multiple of 2^-16 before it is added, and the operands are so small that their products are of that size.",
      "warning E0595: \`y\` may reach 5,000, and this slice carries up to 4,094. The M1 and M2 multiply such slices by 16 on the way.",
      "error E0596: the range of \`z\` is for no input of the program. Inputs are \`x\`, \`w\`.",
    ]
  `);
});
