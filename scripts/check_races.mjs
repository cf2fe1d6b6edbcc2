/**
 * Runs whole plans, with calls of the engine beside the host's work, under the thread sanitizer.
 *
 *     npm run check:races
 *
 * Builds the runtime outside of Node, its kernels and the emulator into build/native-races, and gives that
 * build to the tests that run plans through `session_run`. It takes some minutes, so `npm run test:long` checks
 * only the lanes and the thread pool this way.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(fileURLToPath(import.meta.url), "..", "..");
const tests = ["tests/long/overlap_races.test.ts", "tests/native/steady_state.test.ts"];

function run(parameters, env = process.env) {
  const { status } = spawnSync(process.execPath, parameters, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

run([join(root, "scripts", "build_native.mjs"), "--races"]);
run([join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...tests, "--testTimeout=600000"], {
  ...process.env,
  ANEC_NATIVE: join(root, "build", "native-races", "anec.node"),
});
