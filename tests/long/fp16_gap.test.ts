/**
 * The engine's arithmetic costs a small model nothing that can be told from rounding, and a defect of the
 * published kernels does. The whole table, of 500 updates, is printed by `bench/fp16_gap.ts`.
 */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** Gaps of the validation loss to the processor's in percent, by variant; and the spread over seeds. */
function gaps(...flags: string[]): Map<string, { readonly gap: number; readonly spread: number }> {
  // The emulator reads its settings when it is loaded: a process of its own has those of this test.
  const table = execFileSync(process.execPath, ["dist/bench/fp16_gap.js", ...flags], {
    env: { ...process.env, ANEC_EMULATOR: "numerics=exact" },
    encoding: "utf8",
  });
  const found = new Map<string, { gap: number; spread: number }>();
  for (const line of table.split("\n")) {
    const row = /^(\w+) .*? ([+-][\d.]+) % ± ([\d.]+) %/.exec(line);
    if (row !== null) found.set(row[1]!, { gap: Number(row[2]), spread: Number(row[3]) });
  }
  return found;
}

test("the engine's loss is the processor's; with the wrong keys it is not", () => {
  const found = gaps("--updates", "120", "--seeds", "2", "--variants", "cpu,scaled,b1");
  expect([...found.keys()]).toEqual(["cpu", "scaled", "b1"]);
  expect(Math.abs(found.get("scaled")!.gap)).toBeLessThan(0.05);
  expect(found.get("b1")!.gap).toBeGreaterThan(0.5);
});

test("with one key head, or the theta of the defect, there is nothing to get wrong", () => {
  const flags = ["--updates", "6", "--seeds", "1", "--keys", "1", "--theta", "10000"];
  const found = gaps(...flags, "--variants", "scaled,b1,b2");
  for (const name of ["b1", "b2"]) expect(Math.abs(found.get(name)!.gap)).toBeLessThan(0.001);
});
