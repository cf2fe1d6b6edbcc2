/**
 * Training by several processes: tokens a second by ranks, and what the sums of their gradients cost.
 *
 *     npm run build && node dist/bench/ranks.js                        1, 2 and 4 ranks, autoresearch
 *     node dist/bench/ranks.js --ranks 1,2 --model stories110m         others
 *
 * All runs compute the same updates, of 16 micro-steps each. A sum is hidden as far as kernels run beside it:
 * what is left of a step is the time in which none does. Medians of the updates after the first.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { median } from "../cli/bench/workload.ts";
import { table } from "../cli/output.ts";
import { anec } from "./processes.ts";

/** Micro-steps of an update, of all ranks. */
const GROUP = 16;
const UPDATES = 5;

interface StepLine {
  readonly event: string;
  readonly tokens: number;
  readonly update?: object;
  readonly ms?: {
    readonly step: number;
    readonly host: number;
    readonly optimizer: number;
    readonly network?: number;
  };
}

interface Measured {
  readonly tokensPerSecond: number;
  /** Milliseconds of an update. */
  readonly sums: number;
  readonly exposed: number;
}

async function measure(model: string, ranks: number, threads: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "anec-ranks-"));
  const flags = [
    ...["train", "--json", "--model", model, "--data", "builtin:stories", "--val-every", "0"],
    ...["--accum", String(GROUP / ranks), "--steps", String(GROUP * UPDATES)],
    ...["--threads", String(threads), "--out", join(folder, "ranks.ckpt")],
  ];
  const run = [process.execPath, anec, ...flags];
  const start = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", String(ranks)];
  const [program, ...args] = ranks === 1 ? run : [...start, ...run];
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const times: number[] = [];
  const closing: { sums: number; exposed: number }[] = [];
  let tokens = 0;
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as StepLine;
    if (line.event !== "step" || line.update === undefined) return;
    times.push(performance.now());
    tokens = line.tokens * GROUP;
    if (line.ms === undefined) return;
    // They are told for a micro-step, and every rank computed one.
    const { step, host, optimizer, network = 0 } = line.ms;
    closing.push({ sums: network * ranks, exposed: (step - host - optimizer) * ranks });
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`${ranks} ranks ended with ${String(code)}`);
  const seconds = times.slice(1).map((time, i) => (time - times[i]!) / 1000);
  const later = closing.slice(1);
  return {
    tokensPerSecond: tokens / median(seconds),
    sums: median(later.map((c) => c.sums)),
    exposed: median(later.map((c) => c.exposed)),
  };
}

const { values } = parseArgs({
  options: {
    ranks: { type: "string", default: "1,2,4" },
    model: { type: "string", default: "autoresearch" },
  },
});
const processors = availableParallelism();
const sizes = values.ranks.split(",").map(Number);
const rows: string[][] = [];
let alone: number | undefined;
for (const ranks of sizes) {
  const shares = ranks === 1 ? [1, processors] : [Math.max(1, Math.floor(processors / ranks))];
  for (const threads of new Set(shares)) {
    const found = await measure(values.model, ranks, threads);
    alone ??= found.tokensPerSecond;
    rows.push([
      String(ranks),
      String(threads),
      found.tokensPerSecond.toFixed(0),
      (found.tokensPerSecond / alone).toFixed(2),
      ...(ranks === 1 ? ["", ""] : [found.sums.toFixed(1), found.exposed.toFixed(1)]),
    ]);
  }
}
const head = ["ranks", "threads", "tokens/s", "to the first", "sums, ms", "not hidden, ms"];
process.stdout.write(
  `${values.model}, ${processors} processors, updates of ${GROUP} micro-steps\n\n` +
    `${table(rows, { head, right: [0, 1, 2, 3, 4, 5] })}`,
);
