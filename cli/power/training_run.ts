/** `anec train` in a process of its own, and the times at which its steps ended. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nothingTrained } from "../../compiler/messages/power.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { packageRoot } from "../../dsl/index.ts";

/** A stretch of time, in milliseconds of `performance.now()`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface TrainingRun {
  /** When steps and updates were computed: validation, saving and starting are left out. */
  readonly training: readonly Stretch[];
  readonly steps: number;
  readonly tokens: number;
  /** Of its last step. */
  readonly loss: number;
}

interface Line {
  readonly event: string;
  readonly loss?: number;
  readonly tokens?: number;
}

/** Runs `anec train …flags --json`. Throws a `UserError` (E0974) if it ends with an error or does nothing. */
export async function runTraining(flags: readonly string[]): Promise<TrainingRun> {
  const argv = [join(packageRoot(), "bin", "anec.js"), "train", ...flags, "--json"];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const training: Stretch[] = [];
  let [steps, tokens, loss, before] = [0, 0, 0, performance.now()];
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
    if (!isStep) return;
    steps += 1;
    tokens += line.tokens ?? 0;
    loss = line.loss ?? loss;
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
