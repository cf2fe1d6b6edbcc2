/**
 * Runs in processes of their own, a few at a time: a run that crashes, hangs or eats its memory takes nothing with it,
 * and none outlives the search.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { searchDataChanged } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { packageRoot } from "../../dsl/index.ts";
import type { Measure, WantedRun } from "./experiment.ts";
import type { RunRecord, SearchSettings } from "./record.ts";
import { splitConfig } from "./space.ts";
import type { WorkerAnswer, WorkerTask } from "./worker.ts";

export interface PoolOptions {
  readonly settings: SearchSettings;
  /** Processes at a time. */
  readonly workers: number;
  /** Told of each run that ends. */
  readonly onRun?: (run: RunRecord, wanted: WantedRun) => void;
  /** The file that node runs. Default: the built worker. */
  readonly entry?: string;
}

/** Where no time is given, a run may take this long, in seconds. */
const LONGEST = 3600;

/** Seconds after which a run is ended: three times its budget, and a minute to start and validate. */
export function limitOf({ budget }: WantedRun): number {
  return budget.seconds === null ? LONGEST : 3 * budget.seconds + 60;
}

/** A `Measure` by child processes. It rejects with a `UserError` (E0995) if the data have changed. */
export function processPool(options: PoolOptions): Measure {
  const runners = Array.from({ length: options.workers }, () => processRunner(options));
  return poolOf(runners, options.onRun);
}

/** Carries out runs in child processes, one for each. */
export function processRunner(options: Omit<PoolOptions, "workers" | "onRun">): Measure {
  return (wanted, signal) => runOf(options, wanted, signal);
}

/** A `Measure` that leaves each run to one of `runners`, which do one at a time. */
export function poolOf(runners: readonly Measure[], onRun?: PoolOptions["onRun"]): Measure {
  const waiting: ((runner: Measure) => void)[] = [];
  const free = [...runners];

  return async (wanted, signal) => {
    signal.throwIfAborted();
    const runner = free.shift() ?? (await turn(waiting, signal));
    try {
      signal.throwIfAborted();
      const run = await runner(wanted, signal);
      onRun?.(run, wanted);
      return run;
    } finally {
      const next = waiting.shift();
      if (next === undefined) free.push(runner);
      else next(runner);
    }
  };
}

/** Resolves when a worker is free. A run that is not wanted any more leaves the queue. */
function turn(waiting: ((runner: Measure) => void)[], signal: AbortSignal): Promise<Measure> {
  return new Promise((resolve, reject) => {
    const start = (runner: Measure): void => {
      signal.removeEventListener("abort", leave);
      resolve(runner);
    };
    const leave = (): void => {
      waiting.splice(waiting.indexOf(start), 1);
      reject(signal.reason);
    };
    waiting.push(start);
    signal.addEventListener("abort", leave, { once: true });
  });
}

/** What a process is asked to do. */
export function taskOf(settings: SearchSettings, { config, seed, budget }: WantedRun): WorkerTask {
  const { model, data, protocol, device, engine, fallback } = settings;
  const chosen = splitConfig(config);
  return {
    model: { ...model, overrides: { ...model.overrides, ...chosen.overrides } },
    ...{ data, protocol, device, engine, fallback, seconds: budget.seconds },
    // One validation, at the end: a budget of time is for training.
    settings: { ...chosen.settings, seed, steps: budget.steps, valEvery: 0 },
  };
}

function workerFile(): string {
  const own = fileURLToPath(import.meta.url);
  return own.endsWith(".ts")
    ? join(packageRoot(), "dist", "training", "search", "worker_entry.js")
    : own.replace(/pool\.js$/, "worker_entry.js");
}

function runOf(
  { settings, entry }: Omit<PoolOptions, "workers" | "onRun">,
  wanted: WantedRun,
  signal: AbortSignal,
): Promise<RunRecord> {
  const began = performance.now();
  const seconds = limitOf(wanted);
  const child = spawn(process.execPath, [entry ?? workerFile()], {
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C is for the search, which ends its workers.
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let [out, words, isLate] = ["", "", false];
    const kill = (): boolean => child.kill("SIGKILL");
    const clock = setTimeout(() => {
      isLate = true;
      kill();
    }, seconds * 1000);
    signal.addEventListener("abort", kill, { once: true });
    const settle = (): void => {
      clearTimeout(clock);
      signal.removeEventListener("abort", kill);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2000);
    });
    // A process that ends at once does not read.
    child.stdin.on("error", () => {});
    child.stdin.write(`${JSON.stringify(taskOf(settings, wanted))}\n`);
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code, by) => {
      settle();
      if (signal.aborted) return reject(signal.reason);
      const answer = answerOf(out);
      if (answer?.kind === "changed") {
        return reject(new UserError(searchDataChanged(settings.data.name)));
      }
      const total = (performance.now() - began) / 1000;
      const how = isLate
        ? `it took longer than ${seconds} s`
        : `its process ended (${by ?? `exit code ${code ?? "unknown"}`})`;
      const said = words.trim().split("\n").at(-1)!;
      resolve(recordOf(wanted.seed, total, answer, said === "" ? how : `${how}: ${said}`));
    });
  });
}

function answerOf(out: string): WorkerAnswer | undefined {
  try {
    return JSON.parse(out) as WorkerAnswer;
  } catch {
    return undefined;
  }
}

function recordOf(
  seed: number,
  totalSeconds: number,
  answer: Exclude<WorkerAnswer, { readonly kind: "changed" }> | undefined,
  how: string,
): RunRecord {
  if (answer?.kind !== "done") {
    const nothing = { steps: 0, trainingSeconds: 0, parameters: 0, peakBytes: 0 };
    return { seed, loss: null, error: answer?.error ?? how, ...nothing, totalSeconds };
  }
  const { loss, steps, trainingSeconds, parameters, peakBytes } = answer;
  return { seed, loss, steps, trainingSeconds, totalSeconds, parameters, peakBytes };
}
