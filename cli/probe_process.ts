/**
 * Runs probes in processes of their own, a few in each: one that crashes or hangs takes no other with
 * it, and no process compiles more programs than the system allows.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { probeWorkerFailed } from "../compiler/messages/probes.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Probe } from "../compiler/target/probes/define.ts";
import { unjudged } from "../compiler/target/probes/judge.ts";
import type { ProbeResult, ReportMachine } from "../compiler/target/probes/report.ts";
import { packageRoot } from "../dsl/index.ts";
import { NativeError } from "../runtime-native/js/addon.ts";
import { probeMachine, type WorkerLine, type WorkerTask } from "./probe_worker.ts";

export interface ProbeRunOptions {
  readonly device: "ane" | "emulator";
  readonly chip?: string;
  readonly os?: string;
  /** Seconds that one probe may take. */
  readonly seconds: number;
  /** Told of each result as it comes. */
  readonly onResult?: (result: ProbeResult) => void;
  /** The file that node runs. Default: the built worker. */
  readonly entry?: string;
}

/** Programs of a few probes stay below what a process may compile before macOS 26. */
const PROBES_A_PROCESS = 16;

export interface ProbeRun {
  readonly machine: ReportMachine;
  readonly results: readonly ProbeResult[];
}

/**
 * The results of all probes, in their order. Throws a `NativeError` if the device cannot be opened and a
 * `UserError` (E0630) if no process gets as far as that.
 */
export async function runProbes(
  probes: readonly Probe[],
  options: ProbeRunOptions,
): Promise<ProbeRun> {
  const waiting = batchesOf(probes);
  const results: ProbeResult[] = [];
  let machine: ReportMachine | undefined;
  while (waiting.length > 0) {
    const batch = waiting.shift()!;
    const end = await runBatch(batch, options, (result) => {
      results.push(result);
      options.onResult?.(result);
    });
    machine ??= end.machine;
    if (end.done === batch.length) continue;
    if (machine === undefined || !end.started) throw new UserError(probeWorkerFailed(end.words));
    const ended = batch[end.done]!;
    const claims = unjudged(ended, end.words, probeMachine(options.device, machine));
    const result = { name: ended.name, seconds: end.seconds, claims };
    results.push(result);
    options.onResult?.(result);
    const rest = batch.slice(end.done + 1);
    if (rest.length > 0) waiting.unshift(rest);
  }
  if (machine === undefined) throw new UserError(probeWorkerFailed("no probe was chosen"));
  return { machine, results };
}

/** Probes of one process each, or a few together, in their order. */
function batchesOf(probes: readonly Probe[]): Probe[][] {
  const batches: Probe[][] = [];
  for (const probe of probes) {
    const open = batches.at(-1);
    const isOpen = open !== undefined && open[0]!.alone !== true && open.length < PROBES_A_PROCESS;
    if (isOpen && probe.alone !== true) open.push(probe);
    else batches.push([probe]);
  }
  return batches;
}

interface BatchEnd {
  readonly machine: ReportMachine | undefined;
  /** Probes that came to their end. */
  readonly done: number;
  /** Whether the next one was begun. */
  readonly started: boolean;
  /** Why the process ended there, and how long that took. */
  readonly words: string;
  readonly seconds: number;
}

function runBatch(
  batch: readonly Probe[],
  { device, chip, os, seconds, entry }: ProbeRunOptions,
  take: (result: ProbeResult) => void,
): Promise<BatchEnd> {
  const task: WorkerTask = {
    device,
    names: batch.map((p) => p.name),
    ...(chip === undefined ? {} : { chip }),
    ...(os === undefined ? {} : { os }),
  };
  const file = entry ?? join(packageRoot(), "dist", "cli", "probe_entry.js");
  const child = spawn(process.execPath, [file, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let machine: ReportMachine | undefined;
    let [done, started, isLate] = [0, false, false];
    let since = performance.now();
    let failure: NativeError | undefined;
    const words = lastWords(child);
    const late = (): void => {
      isLate = true;
      child.kill("SIGKILL");
    };
    let clock = setTimeout(late, seconds * 1000);
    createInterface({ input: child.stdout! }).on("line", (text) => {
      const line = lineOf(text);
      if (line === undefined) return;
      clearTimeout(clock);
      clock = setTimeout(late, seconds * 1000);
      switch (line.kind) {
        case "machine":
          machine = line.machine;
          break;
        case "start":
          started = true;
          since = performance.now();
          break;
        case "done":
          done++;
          started = false;
          take({ name: line.name, seconds: line.seconds, claims: line.claims });
          break;
        case "failure":
          failure = new NativeError(line.failure);
          break;
        default:
          line satisfies never;
      }
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(clock);
      if (failure !== undefined && machine === undefined) return reject(failure);
      const how = isLate
        ? `it took longer than ${seconds} s`
        : `its process ended (${signal ?? `exit code ${code ?? "unknown"}`})`;
      const said = failure?.message ?? words();
      resolve({
        machine,
        done,
        started,
        words: said === "" ? how : `${how}: ${said}`,
        seconds: (performance.now() - since) / 1000,
      });
    });
  });
}

/** What a process says; undefined for a line that it was ended in. */
function lineOf(text: string): WorkerLine | undefined {
  try {
    return JSON.parse(text) as WorkerLine;
  } catch {
    return undefined;
  }
}

/** The last line that the process writes to standard error. */
function lastWords(child: ChildProcess): () => string {
  let text = "";
  child.stderr!.on("data", (part: Buffer) => {
    text = (text + part.toString("utf8")).slice(-2000);
  });
  return () => text.trim().split("\n").at(-1)!;
}
