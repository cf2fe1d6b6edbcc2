/**
 * Runs the host kernels under the address and undefined-behaviour sanitizers.
 *
 *     npm run check:sanitizers
 *     npm run check:sanitizers -- tests/native/rows.test.ts     only these tests
 *
 * Builds the addon with both into build/native-sanitize and gives that build to the tests that run kernels, one
 * by one and in whole plans. It takes some minutes, so `npm test` does not. Linux, with the compiler's sanitizers:
 * Node itself is not built with them, so their libraries are loaded before it.
 */
import { spawnSync } from "node:child_process";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(fileURLToPath(import.meta.url), "..", "..");
const addon = join(root, "build", "native-sanitize", "anec.node");

/** Every kernel in here: by itself against an oracle, in random graphs, in optimizers, and in a whole training step. */
const TESTS = [
  ...["attention", "elementwise", "matmul", "memory", "perturb", "rows", "session"].map(
    (name) => `tests/native/${name}.test.ts`,
  ),
  "tests/conformance/device.test.ts",
  "tests/fuzz/rowwise.test.ts",
  "tests/numerics/toy.test.ts",
  "tests/unit/training/optimizers.test.ts",
  "tests/unit/training/trainer.test.ts",
  "tests/unit/training/mezo",
];

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Node with these parameters; its answer when it has ended. */
function node(parameters, options = {}) {
  return spawnSync(process.execPath, parameters, { cwd: root, encoding: "utf8", ...options });
}

/** The sanitizers' libraries, from the compiler that `build_native.mjs` takes. */
function libraries() {
  const has = (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
  const compiler = [process.env.CXX, "c++", "g++"].find((name) => name && has(name));
  if (compiler === undefined) fail("no C++ compiler was found (c++, g++)");
  return ["libasan.so", "libubsan.so"].map((name) => {
    const asked = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: "utf8" });
    const file = asked.stdout.trim();
    return isAbsolute(file) ? file : fail(`${compiler} has no ${name}: install its sanitizers`);
  });
}

const checked = {
  ...process.env,
  ANEC_NATIVE: addon,
  // Little of what was freed is held back: a test looks at what the process gives back.
  ASAN_OPTIONS: "detect_leaks=0:quarantine_size_mb=16",
  UBSAN_OPTIONS: "print_stacktrace=1",
  LD_PRELOAD: libraries().join(" "),
};
if (
  node([join(root, "scripts", "build_native.mjs"), "--sanitize"], { stdio: "inherit" }).status !== 0
)
  process.exit(1);

// Without its libraries a checked addon ends the process as it is loaded; one that is not checked does not.
const load = ["-e", `process.dlopen({ exports: {} }, ${JSON.stringify(addon)})`];
if (node(load).status === 0) fail(`${addon} was built without sanitizers`);
const loaded = node(load, { env: checked });
if (loaded.status !== 0) fail(`the addon with sanitizers cannot be loaded:\n${loaded.stderr}`);

const asked = process.argv.slice(2);
const tests = asked.length > 0 ? asked : TESTS;
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const { status } = node([vitest, "run", ...tests, "--testTimeout=600000"], {
  env: checked,
  stdio: "inherit",
});
process.exit(status ?? 1);
