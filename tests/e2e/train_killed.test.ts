/** A process that is killed at any moment, and started again until it is done, ends with the same bytes. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { testFolder } from "../unit/data/support.ts";

const root = packageRoot();
const build = join(root, "build", "e2e_dist");
const STEPS = 60;

beforeAll(() => {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["--noCheck", "--incremental", "--declaration", "false", "--sourceMap", "false"];
  const state = ["--outDir", build, "--tsBuildInfoFile", join(build, "tsconfig.tsbuildinfo")];
  execFileSync(
    process.execPath,
    [tsc, "-p", join(root, "tsconfig.build.json"), ...flags, ...state],
    {
      stdio: "pipe",
    },
  );
});

interface Kill {
  readonly lines: number;
  readonly wait: number;
  readonly signal: NodeJS.Signals;
}

/** Runs the child; `kill` ends it after that many lines and a moment. The last line it wrote. */
function train(
  out: string,
  { kill, interrupt = 0 }: { readonly kill?: Kill; readonly interrupt?: number } = {},
) {
  const script = join(root, "tests", "e2e", "train_child.mjs");
  const child = spawn(process.execPath, [script, build, out, String(STEPS), String(interrupt)]);
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

test("killed at random moments", async () => {
  const folder = testFolder();
  const whole = join(folder, "whole.ckpt");
  expect(await train(whole)).toBe("steps");

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
    last = await train(out, kills.length > 8 ? {} : { kill });
  }
  expect(readFileSync(out).equals(readFileSync(whole)), JSON.stringify(kills)).toBe(true);
  // At most the temporary files of writes that were cut short are left beside it.
  const others = readdirSync(folder).filter((name) => !/^\.anec-[0-9a-f]+\.tmp$/.test(name));
  expect(others.sort()).toEqual(["killed.ckpt", "whole.ckpt"]);
});

test("stopped by Ctrl-C inside a group", async () => {
  const folder = testFolder();
  const [whole, out] = [join(folder, "whole.ckpt"), join(folder, "stopped.ckpt")];
  await train(whole);
  expect(await train(out, { interrupt: 2 })).toBe("stopped");
  expect(await train(out)).toBe("steps");
  expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
});
