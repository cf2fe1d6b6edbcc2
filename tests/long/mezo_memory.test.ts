/** A run without gradients takes the memory of inference: no gradients, no moments, no copy of the weights. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { compileForProcesses } from "../e2e/processes.ts";

let build = "";
beforeAll(() => {
  build = compileForProcesses();
});

/** Garbage is collected early and in turn: how much of it lies about must not depend on how busy the machine is. */
const COLLECTED = ["--max-semi-space-size=1", "--single-threaded-gc"];

/** The most memory of a process, in bytes. */
function peakOf(mode: "base" | "inference" | "mezo" | "fzoo"): number {
  const script = join(packageRoot(), "tests", "e2e", "mezo_memory_child.mjs");
  const args = [...COLLECTED, script, build, mode];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 120_000 }));
}

/** Of the model: 36.4 million parameters in fp32. */
const WEIGHTS = 36.4e6 * 4;

test("within 10 % of inference, beside what an idle process takes", { timeout: 240_000 }, () => {
  const base = peakOf("base");
  const inference = peakOf("inference") - base;
  expect(inference).toBeGreaterThan(WEIGHTS);
  for (const method of ["mezo", "fzoo"] as const) {
    const ratio = (peakOf(method) - base) / inference;
    expect(ratio, method).toBeGreaterThan(0.9);
    expect(ratio, method).toBeLessThan(1.1);
  }
});
