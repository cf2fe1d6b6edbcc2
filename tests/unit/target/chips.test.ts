/** Chips: what is published is there with its source, what is not is marked. */
import { expect, test } from "vitest";
import { CHIP_NAMES } from "../../../compiler/target/chip_names.ts";
import { type ChipNumbers, chipNamed, chips, knownOf } from "../../../compiler/target/chips.ts";

test("every chip has an architecture, and every number a source", () => {
  expect(chips.map((c) => c.name)).toEqual([...CHIP_NAMES]);
  for (const chip of chips) {
    for (const [key, known] of Object.entries(chip)) {
      if (typeof known === "string") continue;
      expect(known.value, `${chip.name} ${key}`).toBeGreaterThan(0);
      expect(known.source.length, `${chip.name} ${key}`).toBeGreaterThan(5);
      expect(known.confidence).toBe("reported");
    }
  }
});

test("a chip's own number comes first; a relative's is marked as assumed", () => {
  expect(knownOf("m4_max", "streamGBs")).toEqual(chipNamed("m4_max").streamGBs);
  const taken = knownOf("m4_pro", "weightGBs");
  expect(taken).toMatchObject({ value: 67, confidence: "assumed" });
  expect(taken!.source).toMatch(/^m4: /);
  expect(chipNamed("m4_pro").weightGBs).toBeUndefined();
});

test("what the cost model starts from is known of every chip, if need be of a relative", () => {
  const keys: readonly (keyof ChipNumbers)[] = [
    "measuredTflops",
    "dispatchMs",
    "streamGBs",
    "weightGBs",
    "onChipMiB",
  ];
  for (const chip of CHIP_NAMES) for (const key of keys) expect(knownOf(chip, key)).toBeDefined();
});

test("what Apple says of a chip names the page it says it on", () => {
  for (const chip of chips) {
    for (const known of [chip.specTops, chip.dramGBs]) {
      if (known === undefined) continue;
      expect(known.source, chip.name).toMatch(/Apple, (newsroom|specifications) of|Wikipedia/);
    }
  }
});
