import { expect, test } from "vitest";
import { chipOfArchitecture } from "../../../compiler/target/chips.ts";

test.each([
  ["h13g", "m1"],
  ["h14s", "m2_pro"],
  ["h15c", "m3_max"],
  ["h14d", "m2_ultra"],
  // There is no such chip: its family is known all the same.
  ["h16d", "m4"],
  ["h17", "m5"],
  ["h18g", undefined],
  ["", undefined],
])("architecture `%s` is chip %s", (architecture, chip) => {
  expect(chipOfArchitecture(architecture)).toBe(chip);
});
