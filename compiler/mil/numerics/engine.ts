/** What differs between chips in the arithmetic of `exact`, and what is not known of it. */
import { type ChipName, familyOf } from "../../target/chip_names.ts";

export interface EngineOptions {
  /**
   * Products have the same bits on all chips up to M6's 3×3 convolutions. Slices inside the last axis
   * overflow on M1 and M2, constants of int8 outside of products on M1, M2 and M5. Default: a chip
   * without that.
   */
  readonly chip?: ChipName;
  /**
   * How `reduce_sum` and `reduce_mean` add up: wide and rounded once, or rounded to fp16 after each
   * element. Published tests fit both. Default: `wide`.
   */
  readonly sums?: "wide" | "half";
}

/** Whether slices that start inside the last axis multiply by 16 on the way: M1 and M2 (ANEForge). */
export function hasSliceGain(engine: EngineOptions): boolean {
  return engine.chip !== undefined && ["m1", "m2"].includes(familyOf(engine.chip));
}

/** Whether constants of int8 do so on their way to ops other than products: M1, M2 and M5 (ANEForge). */
export function hasInt8Ceiling(engine: EngineOptions): boolean {
  return engine.chip !== undefined && ["m1", "m2", "m5"].includes(familyOf(engine.chip));
}

/** A number after that multiplication and its reverse: beyond 4094 it is an infinity. */
export function throughGain(x: number): number {
  return Math.abs(x) * 16 >= 65520 ? Math.sign(x) * Number.POSITIVE_INFINITY : x;
}
