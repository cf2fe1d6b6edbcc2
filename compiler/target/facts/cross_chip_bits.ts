/** Results of two chips. */
import { defineFact, type Finding, reported } from "./define.ts";

export const crossChipBits = defineFact({
  id: "cross_chip_bits",
  statement:
    "One chip repeats its results bit for bit, but programs are cut differently for each chip: two chips agree to about 0.7 % only.",
  kind: "numerics",
  evidence: [
    reported(
      "joshuaswarren/ane-linux-experiments",
      "M1 against M2: the same tokens for 3 of 10 prompts; 76 of 76 repetitions identical",
    ),
    reported("sbryngelson/ANEForge", "one training run: 0.908 on M1 and M2 Pro, 0.907 on M5"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.comparesChipsExactly === true)
      yield { title: "results of two chips are compared exactly" };
  },
  workaround: "compare with a relative distance of 0.02, or twice what one chip shows against fp64",
  emulator: "computes one way of cutting for each chip",
  examples: {
    fires: { chip: "m1", handover: { comparesChipsExactly: true } },
    silent: { chip: "m1", handover: { comparesChipsExactly: false } },
  },
});
