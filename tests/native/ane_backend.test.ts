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

beforeAll(() => {
  const built = spawnSync(process.execPath, [script, "--build"], { encoding: "utf8" });
  expect(built.stderr).toBe("");
}, 900_000);

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
}, 120_000);
