/**
 * What a log of a run holds: one JSON object a line, the same that `anec train --json` prints, with the time.
 *
 *     {"event":"start","model":"tiny","parameters":20896,…,"time":1764000000.123}
 *     {"event":"step","step":1,"loss":5.61,"bitsPerByte":2.1,"lr":0.0003,"tokens":32,…}
 *     {"event":"validation","step":200,"loss":4.9,"isBest":true,"isFinal":false,…}
 *
 * Readers take lines of events that they do not know as they are, so that later versions may add some.
 */
import type { TrainSettings } from "../options.ts";
import type { UpdateResult } from "../trainer_types.ts";

/** Milliseconds of a micro-step, by who was at work. On the engine they overlap, and so may exceed `step`. */
export interface StepTimes {
  /** From the first command to the end of the last one. */
  readonly step: number;
  /** Calls of the engine, and what is put on its surfaces; absent without one. */
  readonly engine?: number;
  readonly staging?: number;
  /** Kernels of the processor for the forward and backward pass. */
  readonly host: number;
  /** Sums over the ranks of a run, which kernels run beside; absent for one process. */
  readonly network?: number;
  /** The norm of the gradient, and the update. */
  readonly optimizer: number;
}

/** The first line of a log, and of each time that the run was resumed. */
export interface StartRecord {
  readonly event: "start";
  /** Name of the `train` entry. */
  readonly model: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly parameters: number;
  readonly data: {
    readonly name: string;
    readonly trainTokens: number;
    readonly valTokens: number;
  };
  readonly device: { readonly threads: number; readonly simd: string };
  readonly engine?: { readonly kind: string; readonly architecture: string };
  readonly settings: TrainSettings;
  /** Micro-steps that were done before. */
  readonly step: number;
  readonly out: string;
}

export interface StepRecord {
  readonly event: "step";
  readonly step: number;
  /** Nats per token, of one window. */
  readonly loss: number;
  readonly bitsPerByte?: number;
  readonly lr: number;
  readonly tokens: number;
  /** Of a micro-step that closed a group. JSON has null for a norm that is not finite. */
  readonly update?: Omit<UpdateResult, "gradNorm"> & { readonly gradNorm: number | null };
  readonly tokensPerSecond?: number;
  readonly secondsLeft?: number;
  readonly ms?: StepTimes;
  /** Factor of the loss on the engine, after the step; absent without one. */
  readonly lossScale?: number;
  /** Failures of the engine that this process has got over so far; absent without one. */
  readonly faults?: number;
}

export interface ValidationRecord {
  readonly event: "validation";
  readonly step: number;
  readonly loss: number;
  readonly bitsPerByte?: number;
  readonly isBest: boolean;
  readonly isFinal: boolean;
}

/** The engine failed, a checkpoint was saved, the run ended, and whatever else there is to say. */
export interface OtherRecord {
  readonly event: "saved" | "save_failed" | "engine" | "stopping" | "end" | "result";
  readonly step?: number;
}

export type RunRecord = StartRecord | StepRecord | ValidationRecord | OtherRecord;

/** A line of a log: a record, and when it was written, in seconds since 1970. */
export type LogRecord = RunRecord & { readonly time: number };

/** The first bytes of every log. */
export const LOG_BEGINS = '{"event":"';

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);
const isStep = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
const isNumberIfThere = (value: unknown): boolean => value === undefined || isNumber(value);

/** The record of a line; undefined if it is none. */
export function recordOf(line: string): LogRecord | undefined {
  const record = parsed(line);
  if (!isObject(record) || typeof record["event"] !== "string" || !isNumber(record["time"]))
    return undefined;
  const { event, step } = record;
  const isSound = Object.hasOwn(CHECKS, event as string)
    ? CHECKS[event as string]!(record)
    : step === undefined || isStep(step);
  return isSound ? (record as unknown as LogRecord) : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const CHECKS: Readonly<Record<string, (record: Fields) => boolean>> = {
  start: (r) =>
    isStep(r["step"]) &&
    typeof r["model"] === "string" &&
    isNumber(r["parameters"]) &&
    typeof r["out"] === "string" &&
    [r["settings"], r["data"], r["device"], r["dims"], r["engine"] ?? {}].every(isObject) &&
    typeof (r["data"] as Fields)["name"] === "string",
  step: (r) =>
    isStep(r["step"]) &&
    [r["loss"], r["lr"], r["tokens"]].every(isNumber) &&
    [r["bitsPerByte"], r["tokensPerSecond"], r["lossScale"], r["faults"]].every(isNumberIfThere) &&
    (r["update"] === undefined || isUpdate(r["update"])) &&
    (r["ms"] === undefined || (isObject(r["ms"]) && Object.values(r["ms"]).every(isNumber))),
  validation: (r) => isStep(r["step"]) && isNumber(r["loss"]) && isNumberIfThere(r["bitsPerByte"]),
};

function isUpdate(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { loss, gradNorm } = value;
  return isNumber(loss) && (gradNorm === null || isNumber(gradNorm));
}
