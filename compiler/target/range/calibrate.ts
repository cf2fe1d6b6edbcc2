/**
 * Ranges by trial: a program runs on samples, and what every value was is remembered.
 *
 *     const seen = calibrate(program, [{ x }, { x: other }], { margin: 2 });
 *     analyseRanges(program, { observed: seen })
 */
import { interpretMil, type MilTensor, type WeightResolver } from "../../mil/interpret.ts";
import type { MilFunction, MilProgram } from "../../mil/tree.ts";
import { bug } from "../../support/bug.ts";
import { tensorOf } from "../facts/walk.ts";
import type { Observed } from "./analyse.ts";
import { observed, widened } from "./spread.ts";

export interface CalibrateOptions {
  readonly weights?: WeightResolver;
  /** How far beyond what was seen values are still expected: 2 is twice as far. Default 2. */
  readonly margin?: number;
  readonly function?: string;
}

type Sample = Readonly<Record<string, Float64Array>>;

/**
 * What the floating-point values of a function were over all samples, computed without rounding, so
 * that values beyond fp16 show. Throws what `interpretMil` throws for a program or sample it cannot
 * run.
 */
export function calibrate(
  program: MilProgram,
  samples: readonly Sample[],
  { weights, margin = 2, function: wish = "main" }: CalibrateOptions = {},
): ReadonlyMap<string, Observed> {
  const f = program.functions.find((g) => g.name === wish) ?? program.functions[0];
  if (f === undefined) bug("a program without functions");
  const traced: MilProgram = { ...program, functions: [returningAll(f)] };
  const found = new Map<string, { data: number[]; top: number; at: readonly number[] }>();
  const note = (name: string, tensor: MilTensor): void => {
    const entry = found.get(name) ?? { data: [], top: -1, at: [] };
    const largest = indexOfLargest(tensor.data);
    const top = Math.abs(tensor.data[largest] ?? 0);
    const isTop = top > entry.top;
    for (const x of tensor.data) entry.data.push(x);
    found.set(name, {
      data: entry.data,
      top: isTop ? top : entry.top,
      at: isTop ? indexIn(tensor.shape, largest) : entry.at,
    });
  };
  for (const sample of samples) {
    const options = { numerics: "ideal", function: f.name } as const;
    const values = interpretMil(
      traced,
      sample,
      weights === undefined ? options : { ...options, weights },
    );
    for (const [name, tensor] of values) note(name, tensor);
    for (const { name, type } of f.inputs) {
      const tensor = tensorOf(type);
      if (tensor !== undefined) note(name, { ...tensor, data: sample[name]! });
    }
  }
  return new Map(
    [...found].map(([name, { data, at }]) => [
      name,
      { spread: widened(observed(data), margin), at },
    ]),
  );
}

/** The function with every floating-point value among its outputs. */
function returningAll(f: MilFunction): MilFunction {
  const values = f.body.flatMap((s) => (s.op === "const" ? [] : s.results));
  const floats = values.filter(({ type }) => /^(fp|bf)/.test(tensorOf(type)?.element ?? ""));
  const names = new Set([...f.outputs.map((o) => o.name), ...floats.map((v) => v.name)]);
  return { ...f, outputs: [...names].map((name) => ({ name })) };
}

function indexOfLargest(data: Float64Array): number {
  let best = 0;
  for (let i = 1; i < data.length; i++) {
    if (Math.abs(data[i]!) > Math.abs(data[best]!)) best = i;
  }
  return best;
}

function indexIn(shape: readonly number[], flat: number): readonly number[] {
  const index: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
