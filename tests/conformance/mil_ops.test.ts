/**
 * What the MIL interpreter makes of an op's own MIL is what the reference interpreter makes of the
 * op: every op with a MIL rule, on every sample, by the rule alone and through `compile`.
 */
import { describe, expect, test } from "vitest";
import { readBlobRecord } from "../../compiler/bundle/blob.ts";
import { type Graph, leafName, makeGraph } from "../../compiler/ir/graph.ts";
import { sizesOf, type TensorType } from "../../compiler/ir/types.ts";
import { milProgram } from "../../compiler/mil/build.ts";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { canInterpret } from "../../compiler/mil/ops.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { add } from "../../compiler/ops/add.ts";
import type { OpDef } from "../../compiler/ops/define.ts";
import { ops } from "../../compiler/ops/index.ts";
import { input } from "../../compiler/ops/input.ts";
import { softmax } from "../../compiler/ops/softmax.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { interpret, type Values } from "../../compiler/reference/interpret.ts";
import { compile } from "../../index.ts";
import { extentOf, type Layout } from "../../passes/ane/layouts.ts";
import { lowerProgram, type ProgramPort } from "../../passes/ane/lower_program.ts";
import { worstError } from "../support/close.ts";
import { forEachPlaced, runBundle } from "../support/run_bundle.ts";
import { randomTensor, sampleGraph, seeded } from "../support/samples.ts";

/** Both compute in float64; they differ by the order of sums and by the form of a formula. */
const SAME = 1e-12;

/** Ops whose constants are tables of a weight file, in fp16: half a unit of 2^-10 of the largest. */
const TABLES: Readonly<Record<string, number>> = {
  rope: 2 ** -9,
};

/**
 * Ops whose rule reads fewer operands than the op may have. `rope`: the position of the first row,
 * an integer that is known only when the program runs; such a node belongs on the host.
 */
const OPERANDS_OF_RULE: Readonly<Record<string, number>> = { rope: 1 };

/** `constant` is a number of the program that reads it. */
const LEAVES = new Set(["input", "param", "constant"]);
const DRAWS = 3;
const lowered = ops.filter((op) => op.mil !== undefined);

/** A value on a port of its own. */
function portFor(name: string, value: string, type: TensorType, layout: Layout): ProgramPort {
  const { channels, columns } = extentOf(type, layout);
  const block = { row: 0, column: 0, rows: channels, columns };
  const place = { layout, sizes: sizesOf(type.shape), blocks: [block] };
  return { name, shape: [1, channels, 1, columns], values: [{ value, place }] };
}

/** The op by its MIL rule alone, with its operands lying this way: lowered, printed, parsed, interpreted. */
function runRule(graph: Graph, values: Values, layout: Layout): Float64Array {
  const out = graph.outputs[0]!;
  const inputs = graph.inputs.map((node, i) =>
    portFor(`in${i}`, leafName(node), node.type, layout),
  );
  const outputs = [portFor("out0", out.name, out.node.type, layout)];
  const { fn, weights } = lowerProgram({ graph, weights: new Set(), inputs, outputs });
  const program = parseMil({ path: `${graph.name}.mil`, text: printMil(milProgram([fn])) });
  for (const s of program.functions[0]!.body) expect(canInterpret(s.op), s.op).toBe(true);
  const given = inputs.map(({ name, values: [on], shape }) => {
    const from = values.get(on!.value)!.data;
    const data = new Float64Array(from.length);
    forEachPlaced(on!.place, shape[3]!, (at, to) => {
      data[to] = from[at]!;
    });
    return [name, data];
  });
  const results = interpretMil(program, Object.fromEntries(given), {
    numerics: "ideal",
    weights: (_path, offset) =>
      weights === undefined ? undefined : readBlobRecord(weights, offset),
  });
  const { data } = results.get("out0")!;
  const found = new Float64Array(data.length);
  forEachPlaced(outputs[0]!.values[0]!.place, outputs[0]!.shape[3]!, (at, on) => {
    found[at] = data[on]!;
  });
  return found;
}

/** fp16 has no place beyond 65,504: what the engine is given for an infinity. */
function inHalf({ shape, data }: Tensor): Tensor {
  return { shape, data: data.map((x) => Math.max(-65_504, Math.min(65_504, x))) };
}

test("every op with a MIL rule has a sample to run", () => {
  expect(lowered.length).toBeGreaterThan(30);
  expect(lowered.filter((op) => op.samples.length === 0).map((op) => op.name)).toEqual([]);
  const named = [...Object.keys(TABLES), ...Object.keys(OPERANDS_OF_RULE)];
  expect(named.filter((name) => !lowered.some((op) => op.name === name))).toEqual([]);
});

function casesOf(op: OpDef, isKnown: (inputs: number) => boolean) {
  return op.samples
    .flatMap((sample, i) =>
      Array.from({ length: DRAWS }, (_, n) => sampleGraph(op, sample, seeded(100 * i + n))),
    )
    .filter(({ graph }) => isKnown(graph.inputs.length));
}

function distance(found: Float64Array, expected: Tensor): number {
  return worstError(inHalf({ shape: expected.shape, data: found }), inHalf(expected));
}

describe.each(lowered.map((op) => [op.name, op] as const))("%s by its rule alone", (name, op) => {
  const most = OPERANDS_OF_RULE[name] ?? Number.POSITIVE_INFINITY;
  const run = (isKnown: (inputs: number) => boolean): void => {
    const cases = casesOf(op, isKnown);
    expect(cases.length).toBeGreaterThan(0);
    for (const { graph, values } of cases) {
      const expected = interpret(graph, values).get("y")!;
      for (const layout of ["rows", "channels"] as const) {
        const found = runRule(graph, values, layout);
        expect(distance(found, expected), layout).toBeLessThanOrEqual(TABLES[name] ?? SAME);
      }
    }
  };

  test("equals the reference", () => {
    run((inputs) => inputs <= most);
  });

  // The day on which the rule reads its other operands, this test says that the list is too long.
  if (Number.isFinite(most)) {
    test.fails("equals the reference with an operand that the rule leaves out", () => {
      run((inputs) => inputs > most);
    });
  }
});

const compiled = ops.filter((op) => !LEAVES.has(op.name));

describe.each(compiled.map((op) => [op.name, op] as const))(
  "%s through the compiler",
  (name, op) => {
    test("equals the reference", () => {
      for (const { graph: plain, values: given } of casesOf(op, () => true)) {
        const { graph, values } =
          op.operands.length === 0 ? masked(plain) : { graph: plain, values: given };
        const expected = interpret(graph, values).get("y")!;
        expect(expected.shape).toEqual(sizesOf(graph.outputs[0]!.node.type.shape));
        const found = runBundle(compile(graph, { target: "ane" }), values).get("y")!;
        expect(distance(found, expected)).toBeLessThanOrEqual(TABLES[name] ?? SAME);
      }
    });
  },
);

/** softmax(x + y) for an op y without operands: a program needs something to compute. */
function masked({ scope, outputs: [y] }: Graph): { graph: Graph; values: Values } {
  const { type } = y!.node;
  const x = input(scope, "x", type);
  const node = softmax(add(x, y!.node));
  const graph = makeGraph({
    name: "masked",
    inputs: [x],
    params: [],
    outputs: [{ name: "y", node }],
    scope,
  });
  return { graph, values: new Map([["x", randomTensor(sizesOf(type.shape), seeded(3), [-2, 2])]]) };
}
