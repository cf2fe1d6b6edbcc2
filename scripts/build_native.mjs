/**
 * Builds the native runtime into build/native/anec.node, and the emulated Neural Engine beside it.
 *
 *     node scripts/build_native.mjs               only if a source is newer than the addon
 *     node scripts/build_native.mjs --force       in any case
 *     node scripts/build_native.mjs --sanitize    with ASan and UBSan, into build/native-sanitize
 *     node scripts/build_native.mjs --races       with TSan, into build/native-races: what runs outside of Node
 *     node scripts/build_native.mjs --no-cmake    calls the compiler directly
 *     node scripts/build_native.mjs --strict      every file by itself, and warnings are errors, as in CI
 *     node scripts/build_native.mjs --package     only what an installed package needs, not what tests need
 *
 * cmake is used when it is there. Otherwise the C++ compiler is called for up to ten files at a time, as
 * `runtime-native/CMakeLists.txt` would. CXX and CXXFLAGS count, the flags after our own. Headers come from
 * node_modules; nothing is downloaded.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  compilations,
  compileAll,
  emulatorName,
  inputs,
  isInPackage,
  isNewer,
  linkage,
  nodeHeaders,
  root,
  source,
  start,
  unitsOf,
  withObjects,
} from "./native_parts.mjs";

const options = new Set(process.argv.slice(2));
const sanitize = options.has("--sanitize");
const races = options.has("--races");
const strict = options.has("--strict");
const lean = options.has("--package");
/** The sanitizers that are asked for. */
const checks = sanitize ? "address,undefined" : races ? "thread" : "";
const folder = sanitize ? "native-sanitize" : races ? "native-races" : "native";
const output = join(root, "build", folder);
const addon = join(output, "anec.node");
const emulator = join(output, emulatorName(process.platform));
const milRun = join(output, "mil_run");
const sessionRun = join(output, "session_run");
/** Whether `session_run` counts what is allocated. */
const counts = process.platform === "linux" && checks === "";

/** Whether every product is younger than what it is made of. */
function upToDate() {
  const made = inputs();
  const common = [...made.common, fileURLToPath(import.meta.url)];
  const products = [
    [races ? sessionRun : addon, made.runtime],
    [emulator, made.emulator],
    ...(races || lean ? [] : [[milRun, made.mil]]),
    ...(lean ? [] : [[sessionRun, made.tools]]),
  ];
  return products.every(
    ([product, files]) =>
      existsSync(product) && ![...files, ...common].some((file) => isNewer(file, product)),
  );
}

function has(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

function fail(message) {
  process.stderr.write(message + "\n");
  process.exit(1);
}

async function run(command, parameters) {
  const failure = await start(command, parameters);
  if (failure !== undefined)
    fail(`${command} failed while building the native runtime:\n${failure}`);
}

async function buildWithCmake() {
  const work = join(output, "cmake");
  const generator = has("ninja") ? ["-G", "Ninja"] : [];
  await run("cmake", [
    ...(existsSync(join(work, "CMakeCache.txt")) ? [] : generator),
    ...["-S", source, "-B", work, "-DCMAKE_BUILD_TYPE=None"],
    ...[`-DANEC_ROOT=${root}`, `-DANEC_OUTPUT=${output}`],
    ...[`-DANEC_HEADERS=${nodeHeaders().join(";")}`, `-DANEC_SANITIZE=${checks}`],
    `-DANEC_STRICT=${strict ? "ON" : "OFF"}`,
    `-DCMAKE_UNITY_BUILD=${strict ? "OFF" : "ON"}`,
  ]);
  const targets = races
    ? ["session_run", "anec_emulator"]
    : lean
      ? ["anec", "anec_emulator"]
      : ["all"];
  await run("cmake", [
    ...["--build", work, "--parallel", String(availableParallelism())],
    ...["--target", ...targets],
  ]);
}

async function buildDirectly(compiler) {
  const all = compilations({ arch: process.arch, counts });
  const needed = lean ? all.filter(isInPackage) : all;
  const jobs = withObjects(strict ? needed : unitsOf(needed, output), output);
  const optimise =
    checks === ""
      ? ["-O3"]
      : ["-O1", "-g", `-fsanitize=${checks}`, "-fno-sanitize-recover=undefined"];
  const own = (process.env["CXXFLAGS"] ?? "").split(/\s+/).filter((flag) => flag !== "");
  const flags = [...optimise, ...(strict ? ["-Werror"] : []), ...own];
  const failure = await compileAll([compiler], jobs, { flags, force: options.has("--force") });
  if (failure !== undefined)
    fail(`${compiler} failed while building the native runtime:\n${failure}`);
  const objects = linkage(jobs);
  const checked = ["-pthread", ...(checks === "" ? [] : [`-fsanitize=${checks}`])];
  const isMac = process.platform === "darwin";
  const system = isMac ? ["-undefined", "dynamic_lookup"] : ["-ldl"];
  if (!races)
    await run(compiler, ["-shared", "-o", addon, ...objects.addon, ...checked, ...system]);
  await run(compiler, ["-shared", "-o", emulator, ...objects.emulator, ...checked, ...system]);
  if (lean) return;
  const wraps = ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"];
  const counting = ["-static-libstdc++", ...wraps.map((name) => `-Wl,--wrap=${name}`)];
  await run(compiler, [
    ...["-o", sessionRun, ...objects.sessionRun, ...(counts ? counting : []), ...checked],
    ...(isMac ? [] : ["-ldl"]),
  ]);
  if (!races) await run(compiler, ["-o", milRun, ...objects.milRun, ...checked]);
}

if (!options.has("--force") && upToDate()) process.exit(0);
if (nodeHeaders().includes(undefined))
  fail("the headers of Node-API are missing: run `npm install`");
const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find((name) => name && has(name));
if (compiler === undefined) {
  fail(
    "anec needs a C++20 compiler to build its native runtime, and found none (c++, g++, clang++).\n" +
      (process.platform === "darwin"
        ? "Install Apple's command line tools: xcode-select --install"
        : "On Debian or Ubuntu: apt-get install g++       on Fedora: dnf install gcc-c++"),
  );
}
mkdirSync(output, { recursive: true });
process.stdout.write("building the native runtime: about a minute\n");
if (has("cmake") && !options.has("--no-cmake")) await buildWithCmake();
else await buildDirectly(compiler);
