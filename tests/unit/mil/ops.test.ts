/** Every op that the interpreter runs, against a formula for its elements, on random inputs. */
import { expect, test } from "vitest";
import { MIL_OPS } from "../../../compiler/mil/ops.ts";
import { roundToHalf } from "../../../compiler/support/half.ts";
import { runOracle } from "../../support/mil_oracle.ts";
import { seeded } from "../../support/samples.ts";
import { ORACLE } from "./oracle/index.ts";

const cases = ORACLE.map((c) => ({ title: c.about ? `${c.op}: ${c.about}` : c.op, c }));

test("every op that runs has a formula; states have tests of their own", () => {
  const runs = MIL_OPS.filter((o) => o.run !== undefined).map((o) => o.name);
  const states = ["read_state", "write_state", "coreml_update_state"];
  const tested = new Set([...ORACLE.map((c) => c.op), ...states]);
  expect(runs.filter((name) => !tested.has(name))).toEqual([]);
});

test.each(cases)("$title", ({ c }) => {
  for (let seed = 1; seed <= 4; seed++) {
    for (const { found, expected } of runOracle(c, "fp32", "ideal", seeded(seed))) {
      expect(found.length).toBe(expected.length);
      for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 9);
    }
  }
});

test.each(cases)("in fp16, $title", ({ c }) => {
  const types = [c.out].flat();
  for (const [k, { found, expected }] of runOracle(c, "fp16", "fp16", seeded(9)).entries()) {
    for (const [i, value] of expected.entries()) {
      // One rounding: the nearest half, or its neighbour where sums in another order cross the middle.
      const half = types[k]!.startsWith("F") ? roundToHalf(value) : value;
      expect(Math.abs(found[i]! - half)).toBeLessThanOrEqual(2 ** -10 * Math.abs(half) + 1e-7);
    }
  }
});
