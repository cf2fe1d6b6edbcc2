/**
 * Fuzzes every parser and reader, and prints what was tried.
 *
 *     npm run fuzz                              60 seconds for each, two at a time
 *     npm run fuzz -- --seconds 600
 *     npm run fuzz -- --jobs 3                  three at a time
 *     npm run fuzz -- --only native             or texts, files, and targets: gguf,bundle
 *
 * Readers in TypeScript run on damaged files that fast-check draws (tests/support/fuzz), those in C++ under
 * libFuzzer with the address and undefined-behaviour sanitizers (tests/native/fuzz), where clang has it. A file
 * that is a fault is kept in build/fuzz/TARGET; moved to tests/cases/fuzz/TARGET, every later run begins with it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { filesIn, finished, POOL, root, source } from "./native_parts.mjs";

const output = join(root, "build", "fuzz");
const suite = join(root, "tests", "native", "fuzz");

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const seconds = Number(option("seconds", "60"));
const jobs = Number(option("jobs", "2"));
const only = option("only", "texts,files,native").split(",");
const isAsked = (group, name) => only.includes(group) || only.includes(name);

/** Runs a command in the checkout; resolves with its status and what it wrote. */
const run = (command, parameters, options = {}) =>
  finished(command, parameters, { cwd: root, ...options });

// In TypeScript

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");

/** The tests of a group, each of which is a target: `gguf: GGUF models`. */
async function readersOf(group) {
  const file = join("tests", "long", `fuzz_${group}.test.ts`);
  const list = join(output, `${group}.list`);
  const { status, text } = await run(process.execPath, [vitest, "list", file, `--json=${list}`]);
  if (status !== 0) {
    process.stderr.write(`the targets of ${file} cannot be listed\n${text}\n`);
    process.exit(1);
  }
  const tests = JSON.parse(readFileSync(list, "utf8"));
  rmSync(list);
  return tests
    .map((test) => ({ file, group, test: test.name, name: test.name.split(":")[0] }))
    .filter(({ name }) => isAsked(group, name));
}

/** Threads end with their process, whatever they are doing. */
async function fuzzReader({ name, file, test }) {
  const found = join(output, `${name}.json`);
  rmSync(found, { force: true });
  const pattern = `^${test.replace(/[^\w ]/g, "\\$&")}$`;
  const words = ["run", "--pool", "threads", file, "--testNamePattern", pattern];
  const longest = 120 + 3 * seconds;
  const start = Date.now();
  const { status, text } = await run(process.execPath, [vitest, ...words], {
    env: { ...process.env, FUZZ_SECONDS: String(seconds) },
    ...{ timeout: 1000 * longest, killSignal: "SIGKILL" },
  });
  if (Date.now() - start >= 1000 * longest) {
    const failure = `stopped after ${longest} s: the case is build/fuzz/${name}/running`;
    return { name, faults: 1, failure };
  }
  const count = existsSync(found) ? JSON.parse(readFileSync(found, "utf8")) : {};
  return { ...count, name, ...(status === 0 ? {} : { faults: 1, failure: text.slice(-6000) }) };
}

// In C++

const milCases = () =>
  readdirSync(join(root, "tests", "cases", "mil")).flatMap((name) => {
    const page = readFileSync(join(root, "tests", "cases", "mil", name), "utf8");
    return [...page.matchAll(/```mil in\n([\s\S]*?)```/g)].map((match) => match[1]);
  });

/** What is compiled into each target, and sound inputs. */
const NATIVE = {
  mil_program: {
    files: () => [
      ...filesIn(join("backends", "emulator", "mil"), ".cpp").filter(
        (f) => basename(f) !== "mil_run.cpp",
      ),
      ...POOL.map((name) => join(source, "src", `${name}.cpp`)),
    ],
    seeds: milCases,
  },
  emulator_options: {
    files: () => [join(source, "backends", "emulator", "framework", "options.cpp")],
    seeds: () => ["chip=m1,os=15.5,timeout=every:50", "compile-limit=119,numerics=exact,jitter=20"],
  },
  disk_cache: {
    files: () =>
      ["disk_cache", "digest", "files"].map((n) => join(source, "backends", "ane", `${n}.cpp`)),
    seeds: () => ["anec compiled program 1\nname layer\nfile 00 3 net.plist\nend 00\n"],
  },
};

const clang = ["clang++", "clang++-14", "clang++-15", "clang++-16", "clang++-19"].find(
  (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);
const FLAGS = [
  ...["-std=gnu++20", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-pthread"],
  ...[
    "-fno-sanitize-recover=undefined",
    "-ffp-contract=off",
    "-I",
    join(source, "include"),
    "-I",
    source,
  ],
];

/** Whether clang comes with libFuzzer. */
function hasFuzzer() {
  if (clang === undefined) return false;
  const empty = join(output, "empty.cpp");
  writeFileSync(
    empty,
    'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n',
  );
  return spawnSync(clang, [...FLAGS, empty, "-o", join(output, "empty")]).status === 0;
}

async function fuzzNative({ name }) {
  const { files, seeds } = NATIVE[name];
  const [program, corpus] = [join(output, `${name}.bin`), join(output, `${name}.corpus`)];
  const kept = join(root, "tests", "cases", "fuzz", name);
  rmSync(corpus, { recursive: true, force: true });
  mkdirSync(corpus, { recursive: true });
  mkdirSync(join(output, name), { recursive: true });
  for (const [i, text] of seeds().entries()) writeFileSync(join(corpus, `seed_${i}`), text);
  const main = join(suite, `${name}.cpp`);
  const built = await run(clang, [...FLAGS, main, ...files(), "-ldl", "-o", program]);
  if (built.status !== 0) return { name, faults: 1, failure: built.text };
  const start = Date.now();
  const limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1"];
  const seed = `-seed=${process.env.FUZZ_SEED ?? 20261121}`;
  const { status, text } = await run(program, [
    ...[`-max_total_time=${seconds}`, seed, ...limits, `-artifact_prefix=${output}/${name}/`],
    ...[corpus, ...(existsSync(kept) ? [kept] : [])],
  ]);
  const stat = (key) => Number(new RegExp(`${key}:\\s*(\\d+)`).exec(text)?.[1] ?? 0);
  return {
    ...{ name, cases: stat("number_of_executed_units"), seconds: (Date.now() - start) / 1000 },
    // Of libFuzzer, in whole seconds.
    slowest: 1000 * stat("slowest_unit_time_sec"),
    ...(status === 0 ? { faults: 0 } : { faults: 1, failure: text.slice(-4000) }),
  };
}

function nativeTargets() {
  const targets = Object.keys(NATIVE).filter((name) => isAsked("native", name));
  if (targets.length === 0 || hasFuzzer())
    return targets.map((name) => ({ name, group: "native" }));
  process.stdout.write("no clang with libFuzzer: the readers in C++ are not fuzzed\n");
  return [];
}

// All of it

mkdirSync(output, { recursive: true });
const others = only.filter((name) => !Object.hasOwn(NATIVE, name) && name !== "native");
// Those that are compiled first come first.
const queue = [
  ...nativeTargets(),
  ...(others.some((name) => name !== "texts") ? await readersOf("files") : []),
  ...(others.some((name) => name !== "files") ? await readersOf("texts") : []),
];
const isKnown = (asked) =>
  ["texts", "files"].includes(asked) ||
  !others.includes(asked) ||
  queue.some(({ name }) => name === asked);
if (!(seconds > 0 && jobs >= 1 && only.every(isKnown))) {
  process.stderr.write(
    "usage: fuzz.mjs [--seconds N] [--jobs N] [--only texts|files|native|TARGET,…]\n",
  );
  process.exit(2);
}

const counts = [];
const worker = async () => {
  for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
    const count = await (target.group === "native" ? fuzzNative : fuzzReader)(target);
    counts.push(count);
    process.stderr.write(
      `${count.name}: ${count.failure === undefined ? "no fault" : "a fault"}\n`,
    );
  }
};
await Promise.all(Array.from({ length: jobs }, worker));

const shown = (n) => (n === undefined ? "" : Math.round(n).toLocaleString("en-US"));
const milliseconds = ({ slowest, refused }) => {
  if (slowest === undefined) return "";
  return refused === undefined && slowest === 0 ? "< 1000 ms" : `${shown(slowest)} ms`;
};
const rows = [
  ["target", "cases", "refused", "seconds", "slowest", "faults"],
  ...counts
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((c) => [
      ...[c.name, shown(c.cases ?? 0), shown(c.refused), shown(c.seconds ?? 0)],
      ...[milliseconds(c), shown(c.faults)],
    ]),
];
const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows) {
  const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
  process.stdout.write(`${cells.join("  ")}\n`);
}
const failures = counts.filter(({ failure }) => failure !== undefined);
for (const { name, failure } of failures) process.stderr.write(`\n${name}\n${failure}\n`);
process.stdout.write(
  failures.length === 0 ? "no fault\n" : `${failures.length} failed; kept in build/fuzz\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
