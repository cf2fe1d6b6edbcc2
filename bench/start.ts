/** How long a user waits for the first sign of life, for a plan, and for the first step. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { median } from "../cli/bench/workload.ts";

export interface StartReport {
  /** `node -e 0` and `anec --version`, run in turns. */
  readonly nodeMs: number;
  readonly versionMs: number;
  /** Text of `autoresearch` to session plan, in a fresh process whose modules are loaded. */
  readonly planMs: number;
  /** From the command to the news of its first micro-step. */
  readonly firstStepMs: number;
}

const timed = (args: readonly string[]): number => {
  const start = performance.now();
  execFileSync(process.execPath, args, { stdio: "ignore" });
  return performance.now() - start;
};

/** Runs each thing several times; the medians. */
export async function measureStart(anec: string, times: number): Promise<StartReport> {
  const node: number[] = [];
  const version: number[] = [];
  for (let i = 0; i < times; i++) {
    node.push(timed(["-e", "0"]));
    version.push(timed([anec, "--version"]));
  }
  const few = Math.max(3, Math.floor(times / 4));
  const plans = Array.from({ length: few }, () => planOnce(anec));
  const firsts: number[] = [];
  for (let i = 0; i < few; i++) firsts.push(await firstStep(anec));
  return {
    nodeMs: median(node),
    versionMs: median(version),
    planMs: median(plans),
    firstStepMs: median(firsts),
  };
}

/** A process that loads the compiler, then times one compilation. */
function planOnce(anec: string): number {
  const dist = join(anec, "..", "..", "dist");
  const program = `
    const { loadModel } = await import(${JSON.stringify(join(dist, "dsl", "index.js"))});
    const { readModel } = await import(${JSON.stringify(join(dist, "training", "model.js"))});
    const { trainingPlan } = await import(${JSON.stringify(join(dist, "training", "programs.js"))});
    const start = performance.now();
    trainingPlan(readModel({ source: loadModel("autoresearch") }).graph);
    console.log(performance.now() - start);`;
  const args = ["--input-type=module", "-e", program];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

/** Ends the run when its first step is told. */
async function firstStep(anec: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "anec-bench-"));
  try {
    const start = performance.now();
    const child = spawn(
      process.execPath,
      [
        ...[anec, "train", "--model", "autoresearch", "--data", "builtin:stories", "--steps", "20"],
        ...["--val-every", "0", "--json", "--out", join(folder, "first.ckpt")],
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    const over = new Promise((resolve) => child.on("close", resolve));
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith('{"event":"step"')) break;
    }
    const passed = performance.now() - start;
    child.kill("SIGKILL");
    await over;
    return passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
