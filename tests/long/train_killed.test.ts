/** A process that is killed at any moment, and started again until it is done, ends with the same bytes. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { compileForProcesses } from "../e2e/processes.ts";
import { testFolder } from "../unit/data/support.ts";

const root = packageRoot();
/** Of each run. `KILLS=100` is what docs/robustness.md tells of. */
const KILLS = Number(process.env["KILLS"] ?? 8);
/** A process gets ten steps done before it is killed. */
const STEPS = Math.max(60, 10 * KILLS);

let build = "";
beforeAll(() => {
  build = compileForProcesses();
});

interface Kill {
  readonly lines: number;
  readonly wait: number;
  readonly signal: NodeJS.Signals;
}

interface Options {
  readonly kill?: Kill;
  readonly interrupt?: number;
  readonly batch?: number;
  readonly method?: "backprop" | "mezo" | "fzoo";
}

/** Runs the child; `kill` ends it after that many lines and a moment. The last line it wrote. */
function train(out: string, options: Options = {}) {
  const { kill, interrupt = 0, batch = 1, method = "backprop" } = options;
  const script = join(root, "tests", "e2e", "train_child.mjs");
  const numbers = [STEPS, interrupt, batch].map(String);
  const child = spawn(process.execPath, [script, build, out, ...numbers, method]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  child.stdout.on("data", (text: Buffer) => {
    const before = output.split("\n").length - 1;
    output += text.toString();
    const after = output.split("\n").length - 1;
    if (kill !== undefined && before < kill.lines && after >= kill.lines) {
      setTimeout(() => child.kill(kill.signal), kill.wait);
    }
  });
  return new Promise<string>((resolve, reject) => {
    child.on("close", (code) => {
      if (code !== 0 && code !== null) reject(new Error(`the child ended with ${code}\n${errors}`));
      else resolve(output.trim().split("\n").at(-1) ?? "");
    });
  });
}

test.each([
  { method: "backprop", batch: 1 },
  { method: "backprop", batch: 2 },
  { method: "mezo" },
  { method: "fzoo" },
] as const)("killed at random moments: %o", { timeout: 60_000 + 5_000 * KILLS }, async (run) => {
  const folder = testFolder();
  const whole = join(folder, "whole.ckpt");
  expect(await train(whole, run)).toBe("steps");

  const out = join(folder, "killed.ckpt");
  const kills: object[] = [];
  let last = "";
  while (last !== "steps") {
    const signal = kills.length % 3 === 2 ? "SIGINT" : "SIGKILL";
    const kill = {
      lines: 1 + Math.floor(Math.random() * 20),
      wait: Math.random() * 6,
      signal,
    } as const;
    kills.push(kill);
    last = await train(out, kills.length > KILLS ? run : { ...run, kill });
  }
  expect(readFileSync(out).equals(readFileSync(whole)), JSON.stringify(kills)).toBe(true);
  // At most the temporary files of writes that were cut short are left beside it.
  const others = readdirSync(folder).filter((name) => !/^\.anec-[0-9a-f]+\.tmp$/.test(name));
  expect(others.sort()).toEqual(["killed.ckpt", "whole.ckpt"]);
});

test.each([1, 2])("stopped by Ctrl-C inside a group, batches of %i", async (batch) => {
  const folder = testFolder();
  const [whole, out] = [join(folder, "whole.ckpt"), join(folder, "stopped.ckpt")];
  await train(whole, { batch });
  expect(await train(out, { interrupt: 2, batch })).toBe("stopped");
  expect(await train(out)).toBe("steps");
  expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
});
