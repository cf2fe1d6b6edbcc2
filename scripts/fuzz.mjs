/**
 * Fuzzes every parser and reader, and prints what was tried.
 *
 *     node scripts/fuzz.mjs                     60 seconds for each, two at a time
 *     node scripts/fuzz.mjs --seconds 600
 *     node scripts/fuzz.mjs --only native       or: texts, files
 *
 * Readers in TypeScript run on damaged files that fast-check draws (tests/support/fuzz), those in C++ under
 * libFuzzer with the address and undefined-behaviour sanitizers (tests/native/fuzz), where clang has it. A file
 * that is a fault is kept in build/fuzz; moved to tests/cases/fuzz/TARGET, every later run begins with it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { filesIn, finished, root, source } from "./native_parts.mjs";

const output = join(root, "build", "fuzz");
const suite = join(root, "tests", "native", "fuzz");

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const seconds = Number(option("seconds", "60"));
const only = option("only", "");
if (!(seconds > 0) || !["", "texts", "files", "native"].includes(only)) {
  process.stderr.write("usage: fuzz.mjs [--seconds N] [--only texts|files|native]\n");
  process.exit(2);
}

/** Runs a command in the checkout; resolves with its status and what it wrote. */
const run = (command, parameters, env = {}) =>
  finished(command, parameters, { cwd: root, env: { ...process.env, ...env } });

// In TypeScript

async function fuzzReaders(which) {
  const files = which === "" ? ["fuzz_texts", "fuzz_files"] : [`fuzz_${which}`];
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const paths = files.map((file) => `tests/long/${file}.test.ts`);
  return await run(process.execPath, [vitest, "run", ...paths], { FUZZ_SECONDS: String(seconds) });
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
      join(source, "src", "thread_pool.cpp"),
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

async function fuzzNative(name) {
  const { files, seeds } = NATIVE[name];
  const [program, corpus] = [join(output, `${name}.bin`), join(output, `${name}.corpus`)];
  const kept = join(root, "tests", "cases", "fuzz", name);
  mkdirSync(corpus, { recursive: true });
  for (const [i, text] of seeds().entries()) writeFileSync(join(corpus, `seed_${i}`), text);
  const built = await run(clang, [
    ...FLAGS,
    join(suite, `${name}.cpp`),
    ...files(),
    "-ldl",
    "-o",
    program,
  ]);
  if (built.status !== 0) return { name, failure: built.text };
  const start = Date.now();
  const limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1"];
  const { status, text } = await run(program, [
    ...[`-max_total_time=${seconds}`, ...limits, `-artifact_prefix=${output}/${name}-`, corpus],
    ...(existsSync(kept) ? [kept] : []),
  ]);
  const cases = Number(/number_of_executed_units: (\d+)/.exec(text)?.[1] ?? 0);
  return {
    ...{ name, cases, seconds: (Date.now() - start) / 1000 },
    ...(status === 0 ? {} : { failure: text.slice(-4000) }),
  };
}

// All of it

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const failures = [];

if (only !== "native") {
  const { status, text } = await fuzzReaders(only);
  if (status !== 0) failures.push(text.slice(-6000));
}

const native = [];
if (only === "" || only === "native") {
  if (hasFuzzer()) {
    const queue = Object.keys(NATIVE);
    const worker = async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift())
        native.push(await fuzzNative(name));
    };
    await Promise.all([worker(), worker()]);
  } else process.stdout.write("no clang with libFuzzer: the readers in C++ are not fuzzed\n");
}
for (const { name, failure } of native)
  if (failure !== undefined) failures.push(`${name}\n${failure}`);

const counts = readdirSync(output)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(join(output, name), "utf8")));
const rows = [
  ["target", "cases", "refused", "seconds", "slowest"],
  ...counts.map((c) => [
    ...[
      c.target,
      String(c.cases),
      String(c.refused),
      c.seconds.toFixed(0),
      `${c.slowest.toFixed(0)} ms`,
    ],
  ]),
  ...native.map((c) => [c.name, String(c.cases ?? 0), "", (c.seconds ?? 0).toFixed(0), ""]),
];
const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows)
  process.stdout.write(
    `${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ")}\n`,
  );
for (const failure of failures) process.stderr.write(`\n${failure}\n`);
process.stdout.write(
  `${failures.length === 0 ? "no fault" : `${failures.length} failed`}; kept in build/fuzz\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
