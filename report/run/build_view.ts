/**
 * The view of a run, made of the lines of its log one after another.
 *
 * However long the run is, a view has at most `MOST` points: when there are more, each two neighbours become one,
 * and from then on a point stands for twice as many updates.
 */
import type { LogRecord, StartRecord, StepRecord } from "../../training/log/record.ts";
import type { RunEvent, RunView, TrainPoints } from "./view.ts";

/** Points of a view. */
export const MOST = 2048;

export interface ViewBuilder {
  add(record: LogRecord): void;
  /** What was added so far. */
  view(): RunView;
}

type Name = keyof TrainPoints;
type Point = Readonly<Record<Name, number | null>>;

const mean = (values: Iterable<number | null | undefined>): number | null => {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
};
const last = (values: readonly (number | null)[]): number | null => values.at(-1) ?? null;
const largest = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : Math.max(...known);
};

/** How several points become one. */
const JOINED: Readonly<Record<Name, (values: readonly (number | null)[]) => number | null>> = {
  ...{ step: last, seconds: last, loss: mean, lr: mean, gradNorm: largest },
  ...{ tokensPerSecond: mean, msStep: mean, msEngine: mean, msStaging: mean },
  ...{ msHost: mean, msOptimizer: mean, lossScale: last },
};
const NAMES = Object.keys(JOINED) as Name[];

function joined(points: readonly Point[]): Point {
  const values = NAMES.map((name) => [name, JOINED[name](points.map((p) => p[name]))] as const);
  return Object.fromEntries(values) as unknown as Point;
}

/** Points in order, fewer and fewer of those that were added as there are more. */
class Thinned {
  #points: Point[] = [];
  #stride = 1;
  #open: Point[] = [];

  add(point: Point): void {
    this.#open.push(point);
    if (this.#open.length < this.#stride) return;
    this.#points.push(joined(this.#open));
    this.#open = [];
    if (this.#points.length < MOST) return;
    this.#points = Array.from({ length: MOST / 2 }, (_, i) =>
      joined(this.#points.slice(2 * i, 2 * i + 2)),
    );
    this.#stride *= 2;
  }

  columns(): TrainPoints {
    const all = this.#open.length === 0 ? this.#points : [...this.#points, joined(this.#open)];
    const columns = NAMES.map((name) => [name, all.map((p) => shortened(p[name]))] as const);
    return Object.fromEntries(columns) as unknown as TrainPoints;
  }
}

/** Seven digits are more than a picture shows; steps keep all of theirs. */
function shortened(value: number | null): number | null {
  return value === null || Number.isInteger(value) ? value : Number(value.toPrecision(7));
}

/** The events that are worth a line; of more than these, the latest. */
const MOST_EVENTS = 200;

export function viewBuilder(name: string): ViewBuilder {
  const train = new Thinned();
  const validation = { step: [] as number[], seconds: [] as number[], loss: [] as number[] };
  let first: StartRecord | undefined;
  let latest: StartRecord | undefined;
  let lastStep: StepRecord | undefined;
  let group: StepRecord[] = [];
  let events: RunEvent[] = [];
  let bitsPerNat: number | null = null;
  let [step, time] = [0, 0];
  let end: string | null = null;
  // Seconds of training before this session of it, and when that began.
  let [before, began] = [0, Number.NaN];

  const secondsAt = (at: number): number => before + Math.max(0, at - began);
  const tell = (kind: RunEvent["kind"], text: string, at: number): void => {
    events = [...events.slice(1 - MOST_EVENTS), { step: at, time, kind, text }];
  };

  const addStart = (record: StartRecord & { readonly time: number }): void => {
    if (latest !== undefined) {
      before = secondsAt(time);
      time = record.time;
      tell("resumed", `goes on at step ${record.step}`, record.step);
    }
    began = record.time;
    first ??= record;
    latest = record;
    group = [];
    end = null;
  };

  const addStep = (record: StepRecord): void => {
    lastStep = record;
    if (record.bitsPerByte !== undefined && record.loss > 0)
      bitsPerNat ??= record.bitsPerByte / record.loss;
    group.push(record);
    const { update } = record;
    if (update === undefined) return;
    const of = (key: "step" | "engine" | "staging" | "host" | "optimizer"): number | null =>
      group.length === 1 ? (record.ms?.[key] ?? null) : mean(group.map((r) => r.ms?.[key]));
    train.add({
      ...{ step: record.step, seconds: secondsAt(time), loss: update.loss },
      ...{ lr: record.lr, gradNorm: update.gradNorm },
      tokensPerSecond: record.tokensPerSecond ?? null,
      ...{ msStep: of("step"), msEngine: of("engine"), msStaging: of("staging") },
      ...{ msHost: of("host"), msOptimizer: of("optimizer") },
      lossScale: record.lossScale ?? null,
    });
    group = [];
  };

  return {
    add(record) {
      if (record.event === "start") addStart(record);
      if (Number.isNaN(began)) began = record.time;
      time = Math.max(time, record.time);
      if (record.event !== "engine") step = Math.max(step, record.step ?? 0);
      if (record.event === "step") addStep(record);
      if (record.event === "validation") {
        validation.step.push(record.step);
        validation.seconds.push(secondsAt(time));
        validation.loss.push(record.loss);
      }
      if (record.event === "engine") tell("fault", titleOf(record), record.step ?? step);
      if (record.event === "save_failed") tell("trouble", titleOf(record), record.step ?? step);
      if (record.event === "end") {
        end = String((record as { readonly reason?: unknown }).reason);
        tell("end", END[end] ?? `it ended: ${end}`, record.step ?? step);
      }
    },
    view: () => ({
      ...{ name, about: first === undefined ? [] : aboutOf(first), train: train.columns() },
      validation: {
        step: [...validation.step],
        seconds: [...validation.seconds],
        loss: validation.loss.map(shortened),
      },
      ...{ bitsPerNat, tokensPerStep: lastStep?.tokens ?? 0, events },
      now: {
        ...{ step, time, end },
        steps: wholeOrNull(latest?.settings.steps),
        tokensPerSecond: lastStep?.tokensPerSecond ?? null,
        secondsLeft: lastStep?.secondsLeft ?? null,
      },
    }),
  };
}

const wholeOrNull = (value: unknown): number | null =>
  Number.isSafeInteger(value) ? (value as number) : null;

const END: Readonly<Record<string, string>> = {
  steps: "all steps are done",
  time: "the time is up",
  stopped: "it was stopped",
};

/** The first title of the diagnostics in a record. */
function titleOf(record: object): string {
  const { diagnostic, diagnostics } = record as {
    readonly diagnostic?: { readonly title?: unknown };
    readonly diagnostics?: readonly { readonly title?: unknown }[];
  };
  const title =
    diagnostic?.title ?? (Array.isArray(diagnostics) ? diagnostics[0]?.title : undefined);
  return typeof title === "string" ? title : "something failed";
}

function aboutOf(start: StartRecord): [string, string][] {
  const { model, parameters, data, device, engine, settings, out } = start;
  const dims = Object.entries(start.dims).map(([name, size]) => `${name} ${size}`);
  const on = engine === undefined ? [] : [`${engine.kind} ${engine.architecture}`.trim()];
  const { optimizer, lr, schedule, accum, batch, seed, warmup, clip, wd } = settings;
  return [
    ["model", `${model}, ${parameters.toLocaleString("en")} parameters`],
    ["dimensions", dims.join(", ")],
    ["data", data.name],
    ["device", [...on, `cpu: ${device.threads} threads, ${device.simd}`].join(" and ")],
    ["optimizer", `${optimizer}, lr ${lr}, ${schedule} after ${warmup}, clip ${clip}, wd ${wd}`],
    [
      "batch",
      `${accum} micro-steps an update${batch > 1 ? `, ${batch} in a call` : ""}, seed ${seed}`,
    ],
    ["checkpoint", out],
  ];
}
