/** `anec train` in a process of its own, and the times at which its steps ended. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nothingTrained } from "../../compiler/messages/power.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { packageRoot } from "../../dsl/index.ts";
import type { Stretch } from "./meter.ts";

export interface TrainingRun {
  /** When steps and updates were computed: validation, saving and starting are left out. */
  readonly training: readonly Stretch[];
  readonly steps: number;
  readonly tokens: number;
  /** Of its last step. */
  readonly loss: number;
}

/** How far a run is, after a step. */
export interface TrainingProgress {
  /** Since it was started. */
  readonly steps: number;
  /** 0 for a run that a time or Ctrl-C ends. */
  readonly all: number;
  readonly secondsLeft?: number;
}

/** A line of `anec train --json`, as far as it plays a part here. */
interface Line {
  readonly event: string;
  readonly loss?: number;
  readonly tokens?: number;
  readonly secondsLeft?: number;
  /** Of the first line: the steps to come to, and those that were done before. */
  readonly settings?: { readonly steps: number | null };
  readonly step?: number;
}

/** Runs `anec train …flags --json`. Throws a `UserError` (E0974) if it ends with an error or does nothing. */
export async function runTraining(
  flags: readonly string[],
  onProgress: (progress: TrainingProgress) => void = () => {},
): Promise<TrainingRun> {
  const argv = [join(packageRoot(), "bin", "anec.js"), "train", ...flags, "--json"];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const training: Stretch[] = [];
  let [steps, tokens, loss, before] = [0, 0, 0, performance.now()];
  let all = 0;
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    words = (words + chunk).slice(-4000);
  });
  createInterface({ input: child.stdout }).on("line", (text) => {
    const now = performance.now();
    const line = JSON.parse(text) as Line;
    const isStep = line.event === "step";
    if (isStep || line.event === "update") addStretch(training, before, now);
    before = now;
    if (line.event === "start") all = Math.max(0, (line.settings?.steps ?? 0) - (line.step ?? 0));
    if (!isStep) return;
    steps += 1;
    tokens += line.tokens ?? 0;
    loss = line.loss ?? loss;
    const { secondsLeft } = line;
    onProgress({ steps, all, ...(secondsLeft === undefined ? {} : { secondsLeft }) });
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve(exitCode ?? 1));
  });
  if (code !== 0 || steps === 0) throw new UserError(nothingTrained(code, words.trim()));
  return { training, steps, tokens, loss };
}

/** Neighbours become one. */
function addStretch(stretches: Stretch[], from: number, to: number): void {
  const last = stretches.at(-1);
  if (last?.to === from) stretches[stretches.length - 1] = { from: last.from, to };
  else stretches.push({ from, to });
}
