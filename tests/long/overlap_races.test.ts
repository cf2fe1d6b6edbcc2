/**
 * No two threads of a run touch the same memory without an order between them.
 *
 * The lanes themselves run random programs under the thread sanitizer here. Whole plans go through
 * `session_run`; `npm run check:races` builds it, the kernels and the emulator with the sanitizer too, and runs
 * this file with that build.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { emulatorLibrary } from "../../runtime-native/js/ane.ts";
import { enginePlan, FUSIONS } from "../support/engine_session.ts";
import { graphOf } from "../support/random_model.ts";
import { fieldsOf, sessionRun } from "../support/session_run.ts";
import { testFolder } from "../unit/data/support.ts";

const root = join(import.meta.dirname, "..", "..");
const source = join(root, "runtime-native");

const pool = ["processors", "thread_places", "thread_pool"];

const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find(
  (name) => name && spawnSync(name, ["--version"]).status === 0,
)!;
const flags = ["-std=gnu++20", "-O1", "-g", "-fno-exceptions", "-pthread"];
const checked = "-fsanitize=thread";

/** Compiles and runs one program; what it wrote, or why there is none. */
function built(folder: string, files: readonly string[], extra: readonly string[]) {
  const program = join(folder, "program");
  const line = [...flags, ...extra, "-I", join(source, "include"), ...files, "-o", program];
  const { status, stderr } = spawnSync(compiler, line, { encoding: "utf8" });
  return status === 0 ? { program, failure: "" } : { program, failure: stderr };
}

/** Whether this compiler's sanitizer finds a race where there is one. */
function findsRaces(folder: string): boolean {
  const racing = join(folder, "racing.cpp");
  writeFileSync(
    racing,
    `#include <thread>
int cell = 0;
int main() {
  std::thread other([] { ++cell; });
  ++cell;
  other.join();
}
`,
  );
  const { program, failure } = built(folder, [racing], [checked]);
  if (failure !== "") return false;
  const { status, stderr } = spawnSync(program, { encoding: "utf8" });
  return status !== 0 && stderr.includes("data race");
}

test.each([
  [
    "random programs on all lanes: no race, and the values of one command after another",
    "overlap_races",
    ["overlap", ...pool],
  ],
  ["random loops on a pool: no race, and every element once", "pool_races", pool],
  ["a thread without a processor gets that of one that waits", "pool_places", pool],
] as const)(
  "%s",
  (_, name, sources) => {
    const folder = testFolder();
    const isChecked = findsRaces(folder);
    if (!isChecked)
      process.stdout.write(`${compiler} has no thread sanitizer: only values are compared\n`);
    const parts = sources.map((part) => join(source, "src", `${part}.cpp`));
    const files = [join(root, "tests", "native", "races", `${name}.cpp`), ...parts];
    const { program, failure } = built(folder, files, isChecked ? [checked] : []);
    expect(failure).toBe("");
    const { status, stdout, stderr } = spawnSync(program, { encoding: "utf8", timeout: 100_000 });
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
  },
  200_000,
);

test.each(FUSIONS)(
  "%s: whole plans with delays and faults",
  (fusion) => {
    const folder = testFolder();
    const train = graphOf(loadModel("tiny"), "train", { S: 16, D: 16, F: 24, V: 32, L: 2 });
    const plan = join(folder, "plan");
    writeFileSync(plan, fieldsOf(enginePlan(train, fusion).plan));
    const step = ["micro_step", "micro_step", "norm", "update", "stage"];
    const line = [plan, emulatorLibrary(), "stage", ...step, ...step, ...step];
    for (const settings of [
      "threads=2",
      "jitter=800,threads=2",
      "jitter=300,timeout=3,daemon-restart=20",
    ]) {
      const env = { ...process.env, ANEC_EMULATOR: `numerics=fast,${settings}` };
      const ran = spawnSync(sessionRun, line, { env, encoding: "utf8", timeout: 100_000 });
      expect(ran.stderr).toBe("");
      expect(ran).toMatchObject({ status: 0, signal: null });
      expect(ran.stdout.trim().split("\n")).toHaveLength(1 + 3 * step.length);
    }
  },
  300_000,
);
