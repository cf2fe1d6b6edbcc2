/**
 * What an op of MIL is: its arguments, how the types of its results follow, and what it computes.
 *
 *     op("relu", "x: numbers", like("x"), "max(x, 0)", { run: unary((x) => Math.max(x, 0)) })
 */
import { listOf } from "../../messages/message.ts";
import type { Operand, Operands, Rule, Shaped } from "../infer.ts";
import type { Meaning, Meanings } from "../tensors.ts";

/**
 * What an argument holds. Values: `floats`, `numbers` (floats or integers), `wholes` (integers),
 * `bools`, `values` (any of them), `any` (strings too, and lists), `scalar` (one float), `number`
 * (one float or integer), `state`. Parameters, which are constants in all programs that run on the
 * engine: `ints` and `flags` (rank 1), `pairs` (integers of rank 2), `int`, `flag`, `text`, and
 * `factor` (one float or integer).
 */
export type ArgumentKind =
  | "floats"
  | "numbers"
  | "wholes"
  | "bools"
  | "values"
  | "any"
  | "scalar"
  | "number"
  | "state"
  | "ints"
  | "flags"
  | "pairs"
  | "int"
  | "flag"
  | "text"
  | "factor";

export interface ArgumentSpec {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly required: boolean;
  /** Written `(a, b, …)`. */
  readonly many: boolean;
  /** The strings that a `text` may be, or the element types of a value; empty means all. */
  readonly choices: readonly string[];
}

/** How many results: a number, or between two numbers. */
export type ResultCount = number | readonly [low: number, high: number];

export interface MilOp {
  readonly name: string;
  readonly doc: string;
  readonly args: readonly ArgumentSpec[];
  /** The types of the results. All parameters among the operands must be known. */
  readonly rule: Rule;
  readonly results: ResultCount;
  /** What it computes; ops without it can be checked but not run. */
  readonly run: Meanings | undefined;
  /**
   * Floating-point operations, a multiply and an add counted as two. Ops that only move elements
   * have none.
   */
  readonly flops: (operands: Operands, outs: readonly Shaped[]) => number;
}

export interface OpOptions {
  readonly run?: Meaning;
  readonly runs?: Meanings;
  readonly results?: ResultCount;
  readonly flops?: MilOp["flops"];
}

/**
 * `x: floats`, `axes: ints?` (optional), `values: values*` (several), `mode: text(EXACT|TANH)`,
 * `data: wholes(int8|uint8)`.
 */
export function op(
  name: string,
  args: string,
  rule: Rule,
  doc: string,
  options: OpOptions = {},
): MilOp {
  const { run, results = 1, flops = moves } = options;
  const runs: Meanings | undefined =
    options.runs ?? (run === undefined ? undefined : (o, outs) => [run(o, outs[0]!)]);
  const specs = args === "" ? [] : args.split(", ").map(argument);
  return { name, doc, args: specs, rule, results, run: runs, flops };
}

function argument(text: string): ArgumentSpec {
  const [, name, kind, choices, mark] = /^(\w+): (\w+)(?:\(([^)]*)\))?([?*]?)$/.exec(text) ?? [];
  return {
    name: name!,
    kind: kind as ArgumentKind,
    required: mark !== "?",
    many: mark === "*",
    choices: choices === undefined ? [] : choices.split("|"),
  };
}

const moves = (): number => 0;

/** One operation an element of the results. */
export const perElement =
  (n: number): MilOp["flops"] =>
  (_, outs) =>
    outs.reduce((sum, { shape }) => sum + n * shape.reduce((a, b) => a * b, 1), 0);

/** One operation an element of `x`. */
export const perInput =
  (n: number, name = "x"): MilOp["flops"] =>
  (o) =>
    n * (o.get(name)?.[0]?.shape ?? []).reduce((a, b) => a * b, 1);

const FLOATS = ["fp16", "fp32", "fp64", "bf16"];

/** Whether an operand may stand for an argument. */
export function takes(spec: ArgumentSpec, operand: Operand): boolean {
  if ((operand.isState ?? false) !== (spec.kind === "state")) return false;
  if (spec.kind !== "text" && spec.choices.length > 0)
    return spec.choices.includes(operand.element);
  return accepts(spec.kind, operand.element);
}

/** Whether elements of a type may stand for an argument of `kind`. */
export function accepts(kind: ArgumentKind, element: string): boolean {
  switch (kind) {
    case "floats":
    case "scalar":
      return FLOATS.includes(element);
    case "numbers":
    case "number":
    case "factor":
      return element !== "bool" && element !== "string";
    case "wholes":
    case "ints":
    case "int":
    case "pairs":
      return !FLOATS.includes(element) && element !== "bool" && element !== "string";
    case "bools":
    case "flag":
    case "flags":
      return element === "bool";
    case "values":
    case "state":
      return element !== "string";
    case "any":
      return true;
    case "text":
      return element === "string";
    default:
      return kind satisfies never;
  }
}

const WORDS: Readonly<Record<ArgumentKind, string>> = {
  floats: "floating-point",
  scalar: "one floating-point number",
  numbers: "numbers",
  number: "one number",
  factor: "one number",
  wholes: "integers",
  ints: "a list of integers",
  pairs: "integers of two dimensions",
  int: "one integer",
  bools: "bool",
  flag: "one bool",
  flags: "a list of bools",
  values: "numbers or bools",
  any: "a value",
  state: "a state",
  text: "a string",
};

/** An argument's kind in words. */
export function kindWords({ kind, choices }: Pick<ArgumentSpec, "kind" | "choices">): string {
  if (kind === "text" || choices.length === 0) return WORDS[kind];
  return choices.length > 1
    ? `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`
    : listOf(choices);
}

/** Whether an argument is a parameter, whose value decides what the op computes. */
export function isParameter(kind: ArgumentKind): boolean {
  return PARAMETERS.has(kind);
}

const PARAMETERS: ReadonlySet<ArgumentKind> = new Set<ArgumentKind>([
  ...(["ints", "flags", "pairs", "int", "flag", "text", "factor"] as const),
]);

/** The rank an argument of `kind` must have, if it must have one. */
export function rankOf(kind: ArgumentKind): number | undefined {
  if (kind === "ints" || kind === "flags") return 1;
  if (kind === "pairs") return 2;
  return RANK_0.has(kind) ? 0 : undefined;
}

const RANK_0: ReadonlySet<ArgumentKind> = new Set<ArgumentKind>([
  ...(["int", "flag", "text", "scalar", "number", "factor"] as const),
]);
