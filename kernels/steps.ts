/**
 * The steps of a kernel's template: every MIL op of one result is a helper, named first by its result.
 *
 *     {{matmul "y" x="a" y="b" transpose_x=true}}
 *
 * Strings that stand for values are names of ports and earlier results; other arguments are numbers,
 * flags, lists and strings. Types follow from the table of ops, as they do in the compiler's own
 * programs.
 */
import Handlebars from "handlebars";
import type { BlobRecord } from "../compiler/bundle/blob.ts";
import { recordOffset } from "../compiler/bundle/blob.ts";
import type { BuildArgument, MilCore, MilVar } from "../compiler/mil/build.ts";
import { type ArgumentKind, isParameter, MIL_OPS, type MilOp } from "../compiler/mil/ops.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { halfBits } from "../compiler/support/half.ts";

const WEIGHTS = "@model_path/weights/weight.bin";

/** What hides a score: minus infinity would not survive the addition of a score. fact: mask_constant */
const HIDDEN = -40_000;

/** The state of one rendering. */
export interface Steps {
  readonly core: MilCore;
  readonly values: Map<string, MilVar>;
  /** The weight file's records, in order; `files` are those that are there from the start. */
  readonly records: BlobRecord[];
  readonly files: ReadonlyMap<string, number>;
}

type Hash = Readonly<Record<string, unknown>>;
type Helper = (this: unknown, ...args: unknown[]) => unknown;

/** Numbers from dimensions. */
const NUMBERS: Readonly<Record<string, (...numbers: number[]) => number | number[]>> = {
  list: (...numbers) => numbers,
  plus: (...numbers) => numbers.reduce((a, b) => a + b, 0),
  times: (...numbers) => numbers.reduce((a, b) => a * b, 1),
  over: (a, b) => a! / b!,
  power_of_half: (n) => 2 ** -n!,
  inverse_root: (n) => 1 / Math.sqrt(n!),
};

function optionsOf(args: readonly unknown[]): Hash {
  return (args.at(-1) as { hash: Hash }).hash;
}

/** A step that is one op. */
function opHelper(steps: Steps, op: MilOp): Helper {
  return (result, ...args) => {
    const given: Record<string, BuildArgument> = {};
    for (const [name, value] of Object.entries(optionsOf(args))) {
      const spec = op.args.find((a) => a.name === name);
      given[name] = argumentOf(steps, spec?.kind, value);
    }
    define(steps, String(result), steps.core.op(op.name, given, { name: String(result) }));
    return "";
  };
}

/** A name stands for its value, a number where floats are wanted for a constant of fp16. */
function argumentOf(steps: Steps, kind: ArgumentKind | undefined, value: unknown): BuildArgument {
  const isValue = kind !== undefined && !isParameter(kind);
  if (isValue && typeof value === "string") return valueNamed(steps, value);
  const isFloat = kind === "floats" || kind === "scalar";
  return isFloat && typeof value === "number" ? steps.core.scalar(value) : (value as BuildArgument);
}

function valueNamed({ values }: Steps, name: string): MilVar {
  return values.get(name) ?? bug(`the kernel has no value \`${name}\``);
}

function define({ values }: Steps, name: string, value: MilVar): void {
  invariant(!values.has(name), `the kernel defines \`${name}\` twice`);
  values.set(name, value);
}

/** [1, 1, n, n]: nothing where a position may be seen, `HIDDEN` where it comes later. */
function causalMask(steps: Steps): Helper {
  return (result, n) => {
    const size = Number(n);
    const data = new Uint8Array(2 * size * size);
    const view = new DataView(data.buffer);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++)
        view.setUint16(2 * (i * size + j), halfBits(j > i ? HIDDEN : 0), true);
    }
    steps.records.push({ dtype: "fp16", data });
    const offset = recordOffset(steps.records, steps.records.length - 1);
    const place = { path: WEIGHTS, offset };
    define(steps, String(result), steps.core.weight(place, [1, 1, size, size]));
    return "";
  };
}

/** Whole numbers of the weight file times one scale. */
function int8Weight(steps: Steps): Helper {
  return (result, ...args) => {
    const { file, shape, scale } = optionsOf(args) as {
      file: string;
      shape: readonly number[];
      scale: number;
    };
    const index = steps.files.get(file) ?? bug(`the kernel has no port \`file ${file}\``);
    const place = { path: WEIGHTS, offset: recordOffset(steps.records, index) };
    const { core } = steps;
    const data = {
      quantized_data: core.weight(place, shape, { element: "int8", name: `${file}_whole` }),
      scale: core.scalar(scale),
      zero_point: core.scalar(0, { element: "int8" }),
      axis: 0,
    };
    const name = String(result);
    define(steps, name, core.op("constexpr_affine_dequantize", data, { name }));
    return "";
  };
}

/** Runs a template: its steps go to `steps`, and nothing else may be in it. */
export function runSteps(
  template: string,
  dims: Readonly<Record<string, number>>,
  steps: Steps,
): void {
  const environment = Handlebars.create();
  for (const name of Object.keys(environment.helpers)) environment.unregisterHelper(name);
  for (const [name, f] of Object.entries(NUMBERS))
    environment.registerHelper(name, (...args: unknown[]) => f(...(args.slice(0, -1) as number[])));
  const known = MIL_OPS.filter((op) => op.results === 1);
  for (const op of known) environment.registerHelper(op.name, opHelper(steps, op));
  environment.registerHelper("causal_mask", causalMask(steps));
  environment.registerHelper("int8_weight", int8Weight(steps));
  const names = Object.keys(environment.helpers);
  const render = environment.compile(template, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(names.map((name) => [name, true])),
  });
  const rest = render(dims);
  invariant(rest.trim() === "", `the kernel's template holds text: ${rest.trim().slice(0, 40)}`);
}
