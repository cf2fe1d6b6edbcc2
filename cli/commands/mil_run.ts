/** `anec mil run`: a function of a MIL program on given or made-up tensors. */
import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../../compiler/messages/usage.ts";
import {
  functionOf,
  type MilRun,
  type MilTensor,
  NUMERICS,
  type Numerics,
  runMil,
  USUAL_LIMITS,
} from "../../compiler/mil/interpret.ts";
import { expectedWork } from "../../compiler/mil/run_limits.ts";
import { weightFileNames } from "../../compiler/mil/stats.ts";
import type { MilFunction } from "../../compiler/mil/tree.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { readSafetensors, writeSafetensors } from "../../formats/safetensors.ts";
import { type Call, EXIT } from "../command.ts";
import { collect, type JsonFlag, jsonFlag, oneOf, whole } from "../flags.ts";
import { readMil, weightPathOf, weightsOf } from "../mil_files.ts";
import {
  type Inputs,
  randomInputs,
  readInputs,
  summaryCells,
  summaryOf,
  tensorOf,
} from "../mil_values.ts";
import { count, jsonLine, scaled, table } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";
import { withProgress } from "../progress.ts";

interface Flags extends JsonFlag {
  readonly inputs?: string;
  readonly outputs?: string;
  readonly seed?: number;
  readonly function?: string;
  readonly numerics: Numerics;
  readonly trace?: readonly string[];
  readonly maxGflop: number;
}

export const command = {
  examples: [
    "anec mil run model.mil --inputs in.safetensors --outputs out.safetensors",
    "anec mil run model.mil --seed 1 --numerics fp16 --trace scores,weights",
    "anec mil run model.mil --inputs in.safetensors --outputs all.safetensors --trace all",
  ],

  define(c: Command): void {
    c.argument("<file>", "a .mil file; its weights are read from beside it")
      .option("--inputs <file>", "safetensors: inputs by name; states that are not in it are zeros")
      .option(
        "--seed <n>",
        "make inputs up from this number instead",
        whole("--seed", 0, 2 ** 32 - 1),
      )
      .option(
        "--outputs <file>",
        "safetensors to write: outputs, states after the run, traced values",
      )
      .option("--function <name>", "the function (default: `main`, or the only one)")
      .option(
        "--numerics <kind>",
        "ideal (float64), fp16 (every value is rounded to its type), fast (that, and sums of " +
          "products in fp32) or exact (the engine's arithmetic, as far as it is published)",
        oneOf("--numerics", NUMERICS),
        "ideal",
      )
      .option("--trace <names>", "print these values too: names with commas, or `all`", collect)
      .option(
        "--max-gflop <n>",
        "stop before more work than this",
        whole("--max-gflop", 1, 1e9),
        USUAL_LIMITS.operations / 1e9,
      );
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<Flags>): number {
    const path = args[0]!;
    const program = readMil(path);
    const f = functionOf(program, flags.function);
    checkPaths(path, f, flags);
    const limits = { ...USUAL_LIMITS, elements: mostElements(), operations: flags.maxGflop * 1e9 };
    const inputs = inputsFor(f, flags, limits);
    const names = flags.trace?.flatMap((list) => list.split(",")).map((name) => name.trim());
    const trace = names?.includes("all") === true ? ("all" as const) : names;

    const work = expectedWork(f);
    const start = performance.now();
    const run = withProgress(io.err, workText, (onProgress) => {
      onProgress(0, work);
      return runMil(program, inputs, {
        numerics: flags.numerics,
        function: f.name,
        weights: weightsOf(path, 8 * limits.elements),
        limits,
        onProgress: (done) => onProgress(done, work),
        ...(trace === undefined ? {} : { trace }),
      });
    });
    const milliseconds = performance.now() - start;
    const written = flags.outputs === undefined ? 0 : write(flags.outputs, f, run, flags.numerics);

    const madeUp = flags.inputs === undefined && flags.seed !== undefined ? flags.seed : undefined;
    if (flags.json === true) {
      const { numerics } = flags;
      const seed = madeUp === undefined ? {} : { seed: madeUp };
      io.out.write(
        jsonLine({ path, function: f.name, numerics, ...seed, milliseconds, ...summaries(run) }),
      );
      return EXIT.ok;
    }
    const made = madeUp === undefined ? "" : `, on inputs made up from the seed ${madeUp}`;
    io.out.write(`${f.name} of ${path}, ${flags.numerics}, ${milliseconds.toFixed(1)} ms${made}\n`);
    for (const [title, values] of sections(run)) io.out.write(section(title, values));
    if (flags.outputs !== undefined)
      io.out.write(`\nwrote ${flags.outputs}: ${count(written, "tensor")}\n`);
    return EXIT.ok;
  },
};

/** Work counts what is read and written too, so it is more than the arithmetic. */
const workText = (done: number, all: number): string =>
  `running: ${scaled(done, "op")} of ${scaled(all, "op")}`;

type Values = ReadonlyMap<string, MilTensor>;

const sections = (run: MilRun): readonly (readonly [string, Values])[] => [
  ["output", run.outputs],
  ["state", run.states],
  ["traced", run.traced],
];

function section(title: string, values: Values): string {
  if (values.size === 0) return "";
  const rows = [...values].map(([name, v]) => summaryCells(summaryOf(name, v), v.data));
  const head = [title, "type", "min", "max", "mean", "elements"];
  return `\n${table(rows, { head, right: [2, 3, 4] })}`;
}

function summaries({ outputs, states, traced }: MilRun) {
  const list = (values: Values) => [...values].map(([name, v]) => summaryOf(name, v));
  return { outputs: list(outputs), states: list(states), traced: list(traced) };
}

/** A quarter of the machine's memory, and not more than is usual: values are copied on the way. */
function mostElements(): number {
  const limit = constrainedMemory();
  const bytes = Math.min(totalmem(), limit > 0 ? limit : Infinity);
  return Math.min(USUAL_LIMITS.elements, Math.floor(bytes / 32));
}

function inputsFor(f: MilFunction, flags: Flags, limits: typeof USUAL_LIMITS): Inputs {
  if (flags.inputs !== undefined) {
    if (flags.seed !== undefined)
      throw new UserError(flagsConflict("--seed", "--inputs", "Inputs are given or made up."));
    return readInputs(f, readSafetensors(flags.inputs).tensors, flags.inputs, limits);
  }
  if (flags.seed !== undefined) return randomInputs(f, flags.seed, limits);
  if (f.inputs.every((i) => i.type.kind === "state")) return {};
  throw new UserError(
    missingArgument("anec mil run", "--inputs", "anec mil run FILE --inputs FILE, or --seed 1"),
  );
}

/** Throws a `UserError` if the outputs would be written over what is read. */
function checkPaths(path: string, f: MilFunction, { inputs, outputs }: Flags): void {
  if (outputs === undefined) return;
  const given = inputs === undefined ? [] : [{ path: inputs, what: "the inputs" }];
  const weights = weightFileNames(f).flatMap((name) => weightPathOf(path, name) ?? []);
  checkOutputFile("--outputs", outputs, [
    { path, what: "the program" },
    ...given,
    ...weights.map((file) => ({ path: file, what: "the weights" })),
  ]);
}

/** Outputs, states and traced values under their names; of a state, the value after the run. */
function write(path: string, f: MilFunction, run: MilRun, numerics: Numerics): number {
  const values = new Map([...run.traced, ...run.outputs, ...run.states]);
  if (values.has("__metadata__")) {
    const why = "Safetensors files keep this name for themselves.";
    throw new UserError(flagsConflict("--outputs", "a value `__metadata__`", why));
  }
  // Strings are no tensors of a file.
  const numbers = [...values].filter(([, v]) => v.element !== "string");
  const tensors = new Map(numbers.map(([name, v]) => [name, tensorOf(v, numerics)]));
  writeSafetensors(path, tensors, { anec_function: f.name });
  return tensors.size;
}
