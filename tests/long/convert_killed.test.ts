/** A conversion that is killed at any moment leaves what was there before, or the whole of what was to come. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formats } from "../../formats/index.ts";
import { createRandom } from "../../training/random.ts";
import { commandLine, compileForProcesses } from "../e2e/processes.ts";
import { testFolder } from "../unit/data/support.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";

/** For each format; `KILLS=100` is what docs/robustness.md tells of. */
const KILLS = Number(process.env["KILLS"] ?? 6);
const config = { ...smallConfig, width: 64, headSize: 16, hidden: 128, vocabulary: 20_000 };

let build = "";
beforeAll(() => {
  build = compileForProcesses();
}, 120_000);

/** `anec convert` in a process of its own, killed after some milliseconds; how long it lived, and how it ended. */
async function convert(argv: readonly string[], killAfter: number) {
  const start = performance.now();
  const child = spawn(process.execPath, commandLine(build, ["convert", ...argv]), {
    stdio: "ignore",
  });
  const clock = setTimeout(() => child.kill("SIGKILL"), killAfter);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(clock);
  return { code, lived: performance.now() - start };
}

/** The files below a path with their bytes. */
function contentOf(path: string): Record<string, string> {
  if (statSync(path).isFile()) return { "": readFileSync(path).toString("base64") };
  const names = readdirSync(path).sort();
  return Object.fromEntries(names.map((n) => [n, readFileSync(join(path, n)).toString("base64")]));
}

const isSame = (path: string, content: object): boolean =>
  JSON.stringify(contentOf(path)) === JSON.stringify(content);

const written = formats.filter((f) => f.write !== undefined).map((f) => f.name);

test.each(written)("%s", { timeout: 60_000 + 10_000 * KILLS }, async (name) => {
  const folder = testFolder();
  const blzt = formats.find((f) => f.name === "blzt")!;
  const [old, fresh] = ["old.bin", "fresh.bin"].map((n) => join(folder, n)) as [string, string];
  blzt.write!(old, randomWeights(config, 1));
  blzt.write!(fresh, randomWeights(config, 2));
  const whole = async (input: string) => {
    const path = join(folder, `whole_${name}`);
    const { code, lived } = await convert([input, path, "--to", name, "--force"], 120_000);
    expect(code).toBe(0);
    return { content: contentOf(path), lived };
  };
  const before = await whole(old);
  const after = await whole(fresh);
  expect(after.content).not.toEqual(before.content);

  const work = join(folder, "work");
  mkdirSync(work);
  const out = join(work, "out");
  const random = createRandom(7);
  const found = { old: 0, fresh: 0 };
  for (let i = 0; i < KILLS; i++) {
    rmSync(out, { recursive: true, force: true });
    expect((await convert([old, out, "--to", name], 120_000)).code).toBe(0);
    // Late moments are those of writing.
    const moment = after.lived * (0.5 + 0.6 * random.drand48());
    await convert([fresh, out, "--to", name, "--force"], moment);
    // A folder that is replaced has no name for a moment: between two renames.
    const there = existsSync(out) ? [out] : readdirSync(work).map((n) => join(work, n));
    const content = contentOf(there.find((p) => isSame(p, before.content)) ?? there[0]!);
    const isOld = JSON.stringify(content) === JSON.stringify(before.content);
    if (!isOld) expect(isSame(there[0]!, after.content)).toBe(true);
    found[isOld ? "old" : "fresh"] += 1;
  }
  process.stdout.write(`${name}: killed ${KILLS} times, ${found.old} old, ${found.fresh} fresh\n`);
  // What was cut short lies beside it under a name of ours, and goes with the next conversion.
  expect((await convert([fresh, out, "--to", name, "--force"], 120_000)).code).toBe(0);
  expect(readdirSync(work)).toEqual(name === "blzt" ? ["out", "out.json"] : ["out"]);
});
