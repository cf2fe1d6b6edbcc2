/**
 * How long it takes to compile a training step of a large model for the engine, from a cold start.
 *
 *     npm run build && node dist/bench/compile_time.js [RUNS]
 *
 * Each run is a process of its own: `anec compile qwen3_06b --entry train:qwen3_06b --target ane --fusion layer`, beside
 * `node -e 0` and `anec --version`. Wall-clock time is what a person waits. On Linux the processor time of the
 * main thread is shown as well: it does not depend on what else the machine does, and is what a run takes
 * on one that does nothing else. The command's own time is what a run takes beyond `anec compile --help`, which
 * loads the same files; the compiler's is that of the library in a fresh process, from the text to the files of the
 * bundle, without the range analysis that the command prints warnings from.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../dsl/library.ts";

interface Sample {
  /** Milliseconds. */
  readonly wall: number;
  /** Of the main thread, or of the process where that is not known. */
  readonly processor: number;
}

/** Writes the main thread's processor time, in milliseconds, when the process ends. */
const REPORT = `import { readFileSync, writeFileSync } from "node:fs";
process.on("exit", () => {
  let time = (process.cpuUsage().user + process.cpuUsage().system) / 1e3;
  try {
    time = Number(readFileSync("/proc/self/task/" + process.pid + "/schedstat", "utf8").split(" ")[0]) / 1e6;
  } catch {}
  writeFileSync(process.env.ANEC_BENCH_REPORT, String(time));
});
`;

/** The library alone: text → graph → bundle → files. Prints milliseconds. */
const LIBRARY = `
const [dsl, anec, out] = process.argv.slice(1);
const { elaborate, loadModel } = await import(dsl);
const { compile, writeBundle } = await import(anec);
const start = performance.now();
const entry = elaborate(loadModel("qwen3_06b")).entries.find((e) => e.kind === "train");
const { bundle } = compile(entry.graph(), { target: "ane", gradients: true, fusion: "layer" });
writeBundle(out, bundle);
process.stdout.write(String(performance.now() - start));
`;

/** The fastest of several fresh processes, in milliseconds. */
function library(folder: string, runs: number): number {
  const files = ["dsl", "."].map((name) => join(packageRoot(), "dist", name, "index.js"));
  const args = ["--input-type=module", "-e", LIBRARY, ...files, join(folder, "library.anec")];
  const times = Array.from({ length: runs }, () => {
    const run = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`the library failed\n${run.stderr}`);
    return Number(run.stdout);
  });
  return Math.min(...times);
}

const ENTRY = ["--entry", "train:qwen3_06b", "--target", "ane", "--fusion", "layer"];

function sample(folder: string, args: readonly string[]): Sample {
  const hook = join(folder, "report.mjs");
  const report = join(folder, "report.txt");
  writeFileSync(hook, REPORT);
  const env = { ...process.env, ANEC_BENCH_REPORT: report };
  const start = performance.now();
  const run = spawnSync(process.execPath, ["--import", hook, ...args], { env, cwd: folder });
  const wall = performance.now() - start;
  if (run.status !== 0) throw new Error(`${args.join(" ")} failed\n${run.stderr.toString()}`);
  return { wall, processor: Number(readFileSync(report, "utf8")) };
}

/** The fastest of several runs: what others do can only add. */
function best(folder: string, runs: number, args: readonly string[]): Sample {
  const samples = Array.from({ length: runs }, () => sample(folder, args));
  return {
    wall: Math.min(...samples.map((s) => s.wall)),
    processor: Math.min(...samples.map((s) => s.processor)),
  };
}

function main(): void {
  const runs = Number(process.argv[2] ?? 5);
  const folder = mkdtempSync(join(tmpdir(), "anec-compile-"));
  try {
    const anec = join(packageRoot(), "bin", "anec.js");
    const out = join(folder, "qwen3.anec");
    const node = best(folder, runs, ["-e", "0"]);
    const loaded = best(folder, runs, [anec, "compile", "--help"]);
    const whole = best(folder, runs, [anec, "compile", "qwen3_06b", ...ENTRY, "--out", out]);
    const row = (name: string, pick: (s: Sample) => number): string => {
      const [start, files, total] = [pick(node), pick(loaded), pick(whole)];
      const cells = [start, files, total, total - files].map((ms) =>
        `${ms.toFixed(0)} ms`.padStart(9),
      );
      return `${name.padEnd(16)}${cells.join("")}${(total / start).toFixed(1).padStart(9)}x`;
    };
    process.stdout.write(
      `compiling qwen3_06b for training, 28 layers, the best of ${runs} cold runs\n\n` +
        `${"".padEnd(16)}     node   loaded    total  command  to node\n` +
        `${row("wall clock", (s) => s.wall)}\n${row("processor", (s) => s.processor)}\n\n` +
        `the compiler alone: ${library(folder, runs).toFixed(0)} ms of wall clock\n` +
        "bars: 1,000 ms in all, 400 ms the compiler\n",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main();
