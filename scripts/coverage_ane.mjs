/**
 * Runs every test of backends/ane on the emulator and prints how many of its lines they execute.
 *
 *     node scripts/coverage_ane.mjs            builds, runs, prints; fails below 95 % of the lines
 *     node scripts/coverage_ane.mjs --build    only builds into build/ane-tests, with fresh counters
 *     node scripts/coverage_ane.mjs --report   only prints what the runs since then have executed
 *     node scripts/coverage_ane.mjs --checks   only prints what the compiler can check, as JSON
 *
 * The program under tests/native/ane is compiled with the address and undefined-behaviour sanitizers
 * and with gcov's counters. The emulator is the one of `npm run build:native`, or the one with
 * sanitizers where that has been built and is not older. A compiler without one of these options builds the
 * program without it: the tests run all the same, and what is not checked is said.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileAll, finished, isNewer, root, source, unitsOf } from "./native_parts.mjs";

const ENOUGH = 95; // per cent
const backend = join(source, "backends", "ane");
const suite = join(root, "tests", "native", "ane");
const output = join(root, "build", "ane-tests");
const program = join(output, "ane_tests");
const only = process.argv.find((argument) =>
  ["--build", "--report", "--checks"].includes(argument),
);

function filesIn(folder, ending) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}

const changed = (file) => statSync(file).mtimeMs;

function fail(message) {
  process.stderr.write(message + "\n");
  process.exit(1);
}

/** Runs a command beside the objects; resolves with its status and what it wrote. */
const run = (command, parameters, env = process.env) =>
  finished(command, parameters, { env, cwd: output });

/** The newest emulator there is. */
function emulator() {
  const ending = process.platform === "darwin" ? "dylib" : "so";
  const [plain, checked] = ["native", "native-sanitize"].map((name) =>
    join(root, "build", name, `libanec_emulator.${ending}`),
  );
  if (!existsSync(plain)) fail("build the emulator first: npm run build:native");
  return existsSync(checked) && changed(checked) >= changed(plain) ? checked : plain;
}

const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find(
  (name) => name && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);

const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
const COUNTERS = ["--coverage"];

/** Whether the compiler takes these options, and the system runs what it makes. */
async function takes(options) {
  const empty = join(output, "empty");
  writeFileSync(`${empty}.cpp`, "int main() {}\n");
  const made = await run(compiler, [...options, `${empty}.cpp`, "-o", empty]);
  return made.status === 0 && (await run(empty, [])).status === 0;
}

/** The command that reads counters. */
function reader() {
  const isClang = /clang/.test(spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout);
  return isClang ? ["llvm-cov", "gcov"] : ["gcov"];
}

const keptChecks = join(output, "checks.json");

/** What this compiler can check; looked up once, until this script or the compiler is another one. */
async function checksOfCompiler() {
  const script = fileURLToPath(import.meta.url);
  if (existsSync(keptChecks) && changed(keptChecks) > changed(script)) {
    const found = JSON.parse(readFileSync(keptChecks, "utf8"));
    if (found.compiler === compiler) return found;
  }
  const [tool, ...first] = reader();
  const reads = spawnSync(tool, [...first, "--version"], { stdio: "ignore" }).status === 0;
  const [sanitizers, counters] = [await takes(SANITIZERS), reads && (await takes(COUNTERS))];
  const found = { compiler, sanitizers, counters };
  for (const name of filesIn(output, ".gcda").concat(filesIn(output, ".gcno")))
    if (basename(name).includes("empty")) rmSync(name);
  writeFileSync(keptChecks, JSON.stringify(found));
  return found;
}

async function build() {
  if (compiler === undefined) fail("the tests of backends/ane need a C++20 compiler");
  mkdirSync(output, { recursive: true });
  const { sanitizers, counters } = await checksOfCompiler();
  if (!sanitizers)
    process.stdout.write(`${compiler} has no sanitizers: the tests of backends/ane run without\n`);
  if (!counters)
    process.stdout.write(
      `${compiler} or gcov counts no lines: the tests of backends/ane run all the same\n`,
    );
  const checks = [...(sanitizers ? SANITIZERS : []), ...(counters ? COUNTERS : [])];
  const folders = [backend, suite, join(source, "include", "anec")];
  const headers = [...folders.flatMap((folder) => filesIn(folder, ".h")), keptChecks];
  const flags = [
    ...["-std=gnu++20", "-O0", "-g1", ...checks, "-Wall", "-Wextra", "-Werror"],
    ...["-fno-exceptions", "-fno-rtti", "-I", join(source, "include"), "-I", source],
  ];
  // Tests are counted too: functions in headers are compiled where they are used.
  const parts = [
    ...filesIn(backend, ".cpp").map((file) => ({ part: "ane", file, flags })),
    ...filesIn(suite, ".cpp").map((file) => ({ part: "tests", file, flags })),
  ];
  // Counters are written beside the objects.
  const jobs = unitsOf(parts, output, 5).map((job) => ({
    ...job,
    object: join(output, `${basename(job.file, ".cpp")}.o`),
  }));
  const failure = await compileAll([compiler], jobs, { headers, cwd: output });
  if (failure !== undefined) fail(failure);
  if (!existsSync(program) || jobs.some(({ object }) => isNewer(object, program))) {
    const objects = jobs.map(({ object }) => object);
    const { status, text } = await run(compiler, [
      ...[...checks, "-o", program, ...objects, "-pthread"],
      ...(process.platform === "darwin" ? [] : ["-ldl"]),
    ]);
    if (status !== 0) fail(text);
  }
  for (const counters of filesIn(output, ".gcda")) rmSync(counters);
}

async function runTests() {
  const env = { ...process.env, ANEC_EMULATOR_LIBRARY: emulator() };
  const names = (await run(program, ["--list"], env)).text
    .split("\n")
    .filter((name) => name !== "");
  for (const name of names) {
    const { status, text } = await run(program, [name], env);
    if (status !== 0) fail(`${name}\n${text}`);
  }
  process.stdout.write(`${names.length} tests passed\n`);
}

/** file → line → times executed, over every object that has the file. */
async function linesExecuted() {
  const files = new Map();
  const [command, ...first] = reader();
  for (const counters of filesIn(output, ".gcda")) {
    const before = new Set(filesIn(output, ".gcov"));
    const { status, text } = await run(command, [...first, "-l", "-p", basename(counters)]);
    if (status !== 0) fail(text);
    for (const report of filesIn(output, ".gcov")) {
      if (before.has(report)) continue;
      readReport(readFileSync(report, "utf8"), files);
      rmSync(report);
    }
  }
  return files;
}

/** gcov's text: `   count:  line:source`, with `-` for lines without code and `#####` for none. */
function readReport(text, files) {
  const name = /0:Source:(.*)/.exec(text)?.[1] ?? "";
  if (!name.includes(join("backends", "ane"))) return;
  const lines = files.get(basename(name)) ?? new Map();
  files.set(basename(name), lines);
  for (const match of text.matchAll(/^\s*([0-9]+|#####|=====)\*?:\s*([1-9][0-9]*):/gm)) {
    const count = /^[0-9]/.test(match[1]) ? Number(match[1]) : 0;
    lines.set(Number(match[2]), Math.max(count, lines.get(Number(match[2])) ?? 0));
  }
}

async function report() {
  if (!(await checksOfCompiler()).counters) return;
  const files = await linesExecuted();
  let all = 0;
  let executed = 0;
  for (const [name, lines] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const missed = [...lines].filter(([, count]) => count === 0).map(([line]) => line);
    all += lines.size;
    executed += lines.size - missed.length;
    const share = ((100 * (lines.size - missed.length)) / lines.size).toFixed(1);
    const where = missed.length > 0 ? `   not executed: ${missed.join(", ")}` : "";
    process.stdout.write(`${share.padStart(6)} %  ${name}${where}\n`);
  }
  const total = all === 0 ? 0 : (100 * executed) / all;
  process.stdout.write(`${total.toFixed(1).padStart(6)} %  of ${all} lines of backends/ane\n`);
  if (total < ENOUGH) fail(`fewer than ${ENOUGH} % of the lines were executed`);
}

if (only === "--checks") process.stdout.write(JSON.stringify(await checksOfCompiler()));
if (only === undefined || only === "--build") await build();
if (only === undefined) await runTests();
if (only === undefined || only === "--report") await report();
