/**
 * What experiments may change: names with the values they may have.
 *
 *     lr=1e-4..1e-3:log     a range, even on a logarithmic scale
 *     accum=5..20:int       whole numbers
 *     D=256..768:64         multiples of 64
 *     S=64,128,256          these values
 *     accum=4               one value: fixed for all experiments
 *
 * A name is a flag of `anec train` without its dashes, or else a dimension or hyper-parameter of the model. A file
 * says the same as JSON: `{"lr": {"from": 1e-4, "to": 1e-3, "scale": "log"}, "S": [64, 128], "accum": 4}`.
 */

import { badSpace } from "../../compiler/messages/search.ts";
import { unknownName } from "../../compiler/messages/usage.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { defaultSettings, type TrainSettings } from "../options.ts";

export type Value = number | string | boolean;

/** A value for names of a space; a name that is missing is as the model has it. */
export type Config = Readonly<Record<string, Value>>;

export interface ListAxis {
  readonly kind: "list";
  readonly name: string;
  readonly values: readonly Value[];
}

export interface RangeAxis {
  readonly kind: "range";
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly scale: "linear" | "log";
  /** Values are multiples of it; null for any number. */
  readonly step: number | null;
}

export type Axis = ListAxis | RangeAxis;

/** In the order in which it was given. */
export type Space = readonly Axis[];

/** What the protocol decides for all experiments. The last two change the text that losses are of. */
const DECIDED: readonly (keyof TrainSettings)[] = [
  "steps",
  "seed",
  "valEvery",
  "compat",
  "compact",
];

/** Settings that follow from others, and have no flag. */
const WITHOUT_FLAG: readonly (keyof TrainSettings)[] = ["clock", "zeroth"];

/** `valEvery` → `val-every`. */
function flagOf(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flags of `anec train` that experiments may change, with the settings behind them. */
export const settingFlags: ReadonlyMap<string, keyof TrainSettings> = new Map(
  (Object.keys(defaultSettings) as (keyof TrainSettings)[])
    .filter((name) => ![...DECIDED, ...WITHOUT_FLAG].includes(name))
    .map((name) => [flagOf(name), name]),
);

/** What is searched where nothing is said: the numbers of the optimizer, as AutoANE's autosearch has them. */
export const standardSpace = [
  "lr=1e-4..1e-3:log",
  "accum=5..20:int",
  "warmup=3..20:int",
  "wd=0.01..0.3:log",
  "beta2=0.9..0.999",
] as const;

const NUMBER = /^[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function numberOf(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text.replaceAll("_", "")) : undefined;
}

/** One `NAME=…`. Throws a `UserError` (E0985). */
export function parseAxis(text: string): Axis {
  const fault = (what: string): never => {
    throw new UserError(badSpace(text, what));
  };
  const [, name, right = ""] = /^\s*([A-Za-z_][\w-]*)\s*=\s*(.*?)\s*$/s.exec(text) ?? [];
  if (name === undefined) return fault("it does not read NAME=VALUES");
  const range = /^(.+?)\.\.([^:]+)((?::[^:]*)*)$/.exec(right);
  if (range !== null) {
    const [from, to] = [range[1]!, range[2]!].map(numberOf);
    if (from === undefined || to === undefined) return fault("a range goes from number to number");
    const words = range[3]!.split(":").slice(1);
    const steps = words.filter((w) => w !== "log").map((w) => (w === "int" ? 1 : numberOf(w)));
    if (steps.length > 1 || steps.includes(undefined)) {
      return fault("behind a range come `log`, and `int` or a step");
    }
    const scale = words.includes("log") ? "log" : "linear";
    return checked({ kind: "range", name, from, to, scale, step: steps[0] ?? null }, text);
  }
  const values = right.split(",").map((part) => wordOrNumber(part.trim()));
  return checked({ kind: "list", name, values }, text);
}

function wordOrNumber(text: string): Value {
  if (text === "true" || text === "false") return text === "true";
  return numberOf(text) ?? text;
}

function checked(axis: Axis, text: string): Axis {
  const fault = (what: string): never => {
    throw new UserError(badSpace(text, what));
  };
  if (axis.kind === "list") {
    if (axis.values.length === 0 || axis.values.includes("")) fault("a value is missing");
    if (new Set(axis.values).size < axis.values.length) fault("a value occurs twice");
    return axis;
  }
  const { from, to, scale, step } = axis;
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
    fault("a range goes from a number to a larger one");
  }
  if (scale === "log" && !(from > 0)) fault("a logarithmic range lies above 0");
  if (step !== null && !(step > 0 && step < Infinity)) fault("a step is above 0");
  if (step !== null && Math.floor(to / step) < Math.ceil(from / step)) {
    fault(`it holds no multiple of ${step}`);
  }
  return axis;
}

/** A space from JSON. Throws a `UserError` (E0985). */
export function readSpace(text: string, path: string): Space {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(badSpace(path, "it is not JSON"));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(badSpace(path, "it is not a JSON object"));
  }
  return Object.entries(value).map(([name, entry]) => axisOf(name, entry, path));
}

const isValue = (x: unknown): x is Value =>
  (typeof x === "number" && Number.isFinite(x)) || typeof x === "string" || typeof x === "boolean";

function axisOf(name: string, entry: unknown, path: string): Axis {
  const where = `${path}: ${name}`;
  const fault = (what: string): never => {
    throw new UserError(badSpace(where, what));
  };
  if (!/^[A-Za-z_][\w-]*$/.test(name)) return fault("it is no name");
  if (isValue(entry)) return checked({ kind: "list", name, values: [entry] }, where);
  if (Array.isArray(entry)) {
    if (!entry.every(isValue)) return fault("values are numbers, texts, true and false");
    return checked({ kind: "list", name, values: entry }, where);
  }
  if (typeof entry !== "object" || entry === null) return fault("it is neither values nor a range");
  const { from, to, scale = "linear", integer, step, ...rest } = entry as Record<string, unknown>;
  const [other] = Object.keys(rest);
  if (other !== undefined) return fault(`a range has no \`${other}\``);
  if (typeof from !== "number" || typeof to !== "number")
    return fault("`from` and `to` are numbers");
  if (scale !== "linear" && scale !== "log") return fault("`scale` is `linear` or `log`");
  if (integer !== undefined && typeof integer !== "boolean")
    return fault("`integer` is true or false");
  if (step !== undefined && typeof step !== "number") return fault("`step` is a number");
  const multiples = step ?? (integer === true ? 1 : null);
  return checked({ kind: "range", name, from, to, scale, step: multiples }, where);
}

/** Every name means something, and once. Throws a `UserError` (E0964, E0985). */
export function checkSpace(space: Space, ofModel: Iterable<string>): void {
  const known = [...settingFlags.keys(), ...ofModel];
  const seen = new Set<string>();
  for (const { name } of space) {
    if (DECIDED.some((setting) => flagOf(setting) === name)) {
      throw new UserError(badSpace(name, "the protocol decides it for all experiments"));
    }
    if (!known.includes(name)) {
      throw new UserError(unknownName("flag, dimension or hyper-parameter", name, known, ""));
    }
    if (seen.has(name)) throw new UserError(badSpace(name, "it occurs twice"));
    seen.add(name);
  }
}

/** The two halves of a configuration: settings of training, and overrides of the model. */
export function splitConfig(config: Config) {
  const settings: Record<string, Value> = {};
  const overrides: Record<string, number> = {};
  for (const [name, value] of Object.entries(config)) {
    const setting = settingFlags.get(name);
    if (setting !== undefined) settings[setting] = value;
    else if (typeof value === "number") overrides[name] = value;
    else throw new UserError(badSpace(`${name}=${value}`, "a dimension is a number"));
  }
  return { settings: settings as Partial<TrainSettings>, overrides };
}

/** "lr 0.0004 → 0.0007, accum 10 → 8"; empty if nothing differs. */
export function changesText(from: Config, to: Config): string {
  return Object.keys(to)
    .filter((name) => from[name] !== to[name])
    .map((name) => `${name} ${from[name] ?? "as it is"} → ${to[name]}`)
    .join(", ");
}
