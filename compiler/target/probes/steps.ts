/** The steps of probes, and the reading of their outcomes. */

import { writeBlob } from "../../bundle/blob.ts";
import type { MilVar } from "../../mil/build.ts";
import { type BuildArgument, type InputSpec, milProgram } from "../../mil/build.ts";
import { type MilBuilder, milFunction } from "../../mil/build_ops.ts";
import { parseMil } from "../../mil/parse.ts";
import type { MilProgram } from "../../mil/tree.ts";
import { bug } from "../../support/bug.ts";
import { halfBits } from "../../support/half.ts";
import type { Example } from "../facts/define.ts";
import type {
  CompileStep,
  Outcomes,
  ProbeNumbers,
  ProbeWeights,
  Reading,
  RunStep,
} from "./define.ts";
import { madeUpWeights } from "./weights.ts";

export type { BuildArgument };

/** An input and its values, row-major. */
export interface GivenInput extends InputSpec {
  readonly values: ArrayLike<number>;
}

type RunOptions = Partial<Pick<RunStep, "times" | "published">> & {
  readonly weights?: ProbeWeights;
};

/** Runs one function of our own making; a single result is called `y`. */
export function run(
  label: string,
  inputs: readonly GivenInput[],
  build: (b: MilBuilder) => MilVar | Readonly<Record<string, MilVar>>,
  { weights = {}, ...options }: RunOptions = {},
): RunStep {
  const program = milProgram([
    milFunction("main", inputs, (b) => {
      const made = build(b);
      return isVar(made) ? { y: made } : made;
    }),
  ]);
  const values = Object.fromEntries(inputs.map((i) => [i.name, i.values]));
  return { kind: "run", label, program, weights, inputs: values, ...options };
}

const isVar = (made: MilVar | Readonly<Record<string, MilVar>>): made is MilVar =>
  typeof made["id"] === "number";

/** Runs the first function of a program in MIL text; its weights are made up. */
export function runText(
  label: string,
  text: string,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  weights?: ProbeWeights,
): RunStep {
  const program = parseMil({ path: `${label}.mil`, text });
  return { kind: "run", label, program, weights: weights ?? madeUpWeights(program), inputs };
}

/** Compiles and loads a program; weights that are not given are made up. */
export function compile(
  label: string,
  program: MilProgram,
  weights: ProbeWeights = madeUpWeights(program),
): CompileStep {
  return { kind: "compile", label, program, weights };
}

/** Compiles the example of a fact. */
export function compileExample(label: string, example: Example): CompileStep {
  if (typeof example === "object" && "chip" in example) bug(`${label} is no program`);
  const text = typeof example === "string" ? example : example.text;
  const program = parseMil({ path: `${label}.mil`, text });
  const made = madeUpWeights(program);
  if (typeof example === "string") return compile(label, program, made);
  const files = Object.keys(made).map((path) => [path, example.files(path) ?? made[path]!]);
  return compile(label, program, Object.fromEntries(files) as ProbeWeights);
}

export const WEIGHT_FILE = "@model_path/weights/weight.bin";

/** A weight file with one tensor of fp16, as `b.weight({ path: WEIGHT_FILE, offset: 64 }, …)` reads it. */
export function halves(values: ArrayLike<number>): ProbeWeights {
  const data = Uint16Array.from(Array.from(values, halfBits));
  return {
    [WEIGHT_FILE]: writeBlob([{ dtype: "fp16", data: new Uint8Array(data.buffer) }]).bytes,
  };
}

/** `count` numbers from a function of their index. */
export function filled(count: number, of: (index: number) => number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => of(i));
}

/** A row of `width` for each list, filled up with zeros. */
export function rows(lists: readonly (readonly number[])[], width: number): Float32Array {
  return filled(lists.length * width, (i) => lists[Math.floor(i / width)]![i % width] ?? 0);
}

/** An output of a step that ran: what a claim `needs` has run. */
export function outputOf(outcomes: Outcomes, label: string, port = "y"): ArrayLike<number> {
  const outcome = outcomes.get(label);
  if (outcome?.kind !== "ran") return bug(`step ${label} did not run`);
  return outcome.outputs[port] ?? bug(`step ${label} has no output ${port}`);
}

/** The time of a step that ran. */
export function timeOf(outcomes: Outcomes, label: string): number {
  const outcome = outcomes.get(label);
  return outcome?.kind === "ran" ? outcome.nanoseconds : bug(`step ${label} did not run`);
}

/** `answer` with the numbers behind it, a few for each name. */
export function reading(
  answer: string | undefined,
  numbers: Readonly<Record<string, number>>,
): Reading {
  const told: ProbeNumbers = Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [
      name,
      Number.isFinite(value) ? value : String(value),
    ]),
  );
  if (answer !== undefined) return { answer, numbers: told };
  const seen = Object.entries(told).map(([name, value]) => `${name} ${value}`);
  return { why: `no known answer: ${seen.join(", ")}`, numbers: told };
}

/**
 * The answer whose numbers are those that came out. `[name, number]` for each value that is looked at;
 * `answers` maps an answer to the numbers, in the same order, that it predicts. Numbers are compared to
 * the last bit, NaN equals NaN, and 0 is not −0.
 */
export function matching(
  found: Readonly<Record<string, number>>,
  answers: Readonly<Record<string, readonly number[]>>,
): Reading {
  const numbers = Object.values(found);
  const fits = (predicted: readonly number[]): boolean =>
    predicted.every((value, i) => Object.is(value, numbers[i]));
  const answer = Object.keys(answers).find((name) => fits(answers[name]!));
  return reading(answer, found);
}
