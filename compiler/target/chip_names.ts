/**
 * The chips anec knows by name. `m2 pro` on a command line is `m2_pro` here. What is known about each
 * stands in `chips.ts` (numbers) and `facts/` (constraints).
 */
export const CHIP_NAMES = [
  "m1",
  "m1_pro",
  "m1_max",
  "m1_ultra",
  "m2",
  "m2_pro",
  "m2_max",
  "m2_ultra",
  "m3",
  "m3_pro",
  "m3_max",
  "m3_ultra",
  "m4",
  "m4_pro",
  "m4_max",
  "m5",
  "m5_pro",
  "m5_max",
] as const;

export type ChipName = (typeof CHIP_NAMES)[number];

/** `m1` … `m5`: the generation a chip's engine belongs to. */
export type ChipFamily = "m1" | "m2" | "m3" | "m4" | "m5";

export function familyOf(chip: ChipName): ChipFamily {
  return chip.slice(0, 2) as ChipFamily;
}
