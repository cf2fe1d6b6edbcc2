/**
 * Scale placement on the engine's own arithmetic: gradients within 1 % of fp32 where products that are left
 * as they are lose more than a tenth. The table is printed by `bench/scales.ts`.
 */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("scaled gradients stay within 1 %, unscaled ones do not", () => {
  // The emulator reads its settings when it is loaded: a process of its own has those of this test.
  const table = execFileSync(process.execPath, ["dist/bench/scales.js", "--updates", "21"], {
    env: { ...process.env, ANEC_EMULATOR: "numerics=exact" },
    encoding: "utf8",
  });
  const rows = table
    .split("\n")
    .filter((line) => line.includes("%"))
    .map((line) => line.trim().split(/\s+/));
  expect(rows.length).toBeGreaterThan(18);
  const scaled = rows.map((r) => Number(r[1]));
  const unscaled = rows.map((r) => Number(r[3]));
  expect(Math.max(...scaled)).toBeLessThan(1);
  expect(Math.max(...unscaled)).toBeGreaterThan(10);
});
