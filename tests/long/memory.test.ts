/** What `--print memory` plans is what a training process takes, beside what it takes anyway. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { compileForProcesses } from "../e2e/processes.ts";

let build = "";
beforeAll(() => {
  build = compileForProcesses();
});

function measured(mode: "base" | "session", batch: number, recompute: boolean) {
  const script = join(packageRoot(), "tests", "e2e", "memory_child.mjs");
  const args = [script, build, mode, String(batch), String(recompute)];
  const text = execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  return JSON.parse(text) as { readonly planned: number; readonly peak: number };
}

test.each([
  [1, false],
  [4, false],
  [4, true],
])(
  "batches of %i, recompute %s: within 10 %% of the plan and an idle process",
  (batch, recompute) => {
    const base = measured("base", batch, recompute);
    const whole = measured("session", batch, recompute);
    expect(whole.planned).toBe(base.planned);
    const ratio = whole.peak / (base.peak + base.planned);
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
  },
);
