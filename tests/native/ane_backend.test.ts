/**
 * The Neural Engine's runtime on the emulator: each test of tests/native/ane in a process of its own, with
 * the address and undefined-behaviour sanitizers, and then how many lines of the runtime that was.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { emulatorLibrary } from "../../runtime-native/js/ane.ts";

const root = join(import.meta.dirname, "..", "..");
const program = join(root, "build", "ane-tests", "ane_tests");
const script = join(root, "scripts", "coverage_ane.mjs");

/** The sentences of `TEST("…")`. */
const sentences = readdirSync(join(root, "tests", "native", "ane"))
  .filter((name) => name.endsWith("_tests.cpp"))
  .flatMap((name) => {
    const text = readFileSync(join(root, "tests", "native", "ane", name), "utf8");
    return [...text.matchAll(/^TEST\("(.*)"\) \{$/gm)].map((match) => match[1]!);
  });

/** The emulator with sanitizers if there is one that is not older. */
function library(): string {
  const plain = emulatorLibrary();
  const checked = plain.replace(join("build", "native"), join("build", "native-sanitize"));
  const isNewer = existsSync(checked) && statSync(checked).mtimeMs >= statSync(plain).mtimeMs;
  return isNewer ? checked : plain;
}

/** What this compiler can check. */
let checks: { readonly sanitizers: boolean; readonly counters: boolean };

beforeAll(() => {
  const built = spawnSync(process.execPath, [script, "--build"], { encoding: "utf8" });
  process.stdout.write(built.stdout);
  expect(built.stderr).toBe("");
  const told = spawnSync(process.execPath, [script, "--checks"], { encoding: "utf8" });
  checks = JSON.parse(told.stdout) as typeof checks;
}, 900_000);

/** Apple's compiler has no sanitizer for leaks. */
const REPORTS = [
  ["--overflow", "signed integer overflow"],
  ...(process.platform === "linux" ? [["--leak", "LeakSanitizer"] as const] : []),
] as const;

test.each(REPORTS)("%s is reported, where the compiler has sanitizers", (fault, words) => {
  const { status, stderr } = spawnSync(program, [fault], { encoding: "utf8" });
  expect(status !== 0 && stderr.includes(words)).toBe(checks.sanitizers);
});

test("there are as many tests as sentences", () => {
  const listed = spawnSync(program, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  expect(listed.sort()).toEqual([...sentences].sort());
});

test.each(sentences)("%s", (sentence) => {
  const env = { ...process.env, ANEC_EMULATOR_LIBRARY: library() };
  const ran = spawnSync(program, [sentence], { env, encoding: "utf8" });
  expect(ran.stdout + ran.stderr).toBe("");
  expect(ran.status).toBe(0);
});

test("at least 95 % of the lines of backends/ane were executed", () => {
  const ran = spawnSync(process.execPath, [script, "--report"], { encoding: "utf8" });
  process.stdout.write(ran.stdout);
  expect(ran.stderr).toBe("");
  expect(ran.status).toBe(0);
  const total = / ([0-9.]+) % {2}of [0-9]+ lines of backends\/ane\n$/.exec(ran.stdout)?.[1];
  if (checks.counters) expect(Number(total)).toBeGreaterThanOrEqual(95);
  else expect(ran.stdout).toBe("");
}, 120_000);
