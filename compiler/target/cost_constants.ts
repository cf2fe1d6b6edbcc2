/**
 * The constants of the cost model, fitted to half of the published measurements.
 *
 * `bench/cost_model.ts --constants` prints them; a test holds them to what the fit gives. A chip without
 * measurements in that half has those of the nearest chip that has some (`BORROWED`).
 */
import type { ChipName } from "./chip_names.ts";
import type { ChipConstants, SharedConstants } from "./cost.ts";

export const CHIP_CONSTANTS: Readonly<Record<ChipName, ChipConstants>> = {
  m1: { dispatchMs: 0.202, productTflops: 4.86, streamGBs: 2.37, weightGBs: 51.3 },
  m1_pro: { dispatchMs: 0.209, productTflops: 5.4, streamGBs: 9.85, weightGBs: 33.7 },
  m1_max: { dispatchMs: 0.231, productTflops: 4.86, streamGBs: 8.05, weightGBs: 51 },
  m1_ultra: { dispatchMs: 0.231, productTflops: 4.86, streamGBs: 8.05, weightGBs: 51 },
  m2: { dispatchMs: 0.0793, productTflops: 4.71, streamGBs: 7.69, weightGBs: 50.9 },
  m2_pro: { dispatchMs: 0.0793, productTflops: 4.71, streamGBs: 7.69, weightGBs: 50.9 },
  m2_max: { dispatchMs: 0.0762, productTflops: 6.77, streamGBs: 5.1, weightGBs: 51 },
  m2_ultra: { dispatchMs: 0.0762, productTflops: 6.77, streamGBs: 5.1, weightGBs: 51 },
  m3: { dispatchMs: 0.11, productTflops: 16.8, streamGBs: 4.47, weightGBs: 78 },
  m3_pro: { dispatchMs: 0.11, productTflops: 16.8, streamGBs: 4.47, weightGBs: 78 },
  m3_max: { dispatchMs: 0.116, productTflops: 16.8, streamGBs: 23.3, weightGBs: 130 },
  m3_ultra: { dispatchMs: 0.156, productTflops: 16.5, streamGBs: 13.9, weightGBs: 78 },
  m4: { dispatchMs: 0.0724, productTflops: 17.4, streamGBs: 13.6, weightGBs: 59.2 },
  m4_pro: { dispatchMs: 0.0346, productTflops: 17, streamGBs: 6.94, weightGBs: 157 },
  m4_max: { dispatchMs: 0.0733, productTflops: 16, streamGBs: 26.6, weightGBs: 67 },
  m5: { dispatchMs: 0.104, productTflops: 16.7, streamGBs: 32.7, weightGBs: 144 },
  m5_pro: { dispatchMs: 0.0811, productTflops: 13.7, streamGBs: 25.1, weightGBs: 151 },
  m5_max: { dispatchMs: 0.0811, productTflops: 13.7, streamGBs: 25.1, weightGBs: 151 },
};

export const SHARED_CONSTANTS: SharedConstants = {
  overlap: 0.824,
  longShare: 0.201,
  opUs: 0.394,
  elementG: 33.4,
  reduceG: 8.39,
  moveGBs: 110,
  spillGBs: 53.8,
  hostCopyGBs: 11.7,
  hostMoveGBs: 24.5,
  hostGflops: 642,
  hostStreamGBs: 29.8,
  busyHost: 1.29,
};

/** Chips without a measurement in that half, and whose constants they have. */
export const BORROWED: Readonly<Partial<Record<ChipName, ChipName>>> = {
  m1_ultra: "m1_max",
  m2: "m2_pro",
  m2_ultra: "m2_max",
  m3: "m3_pro",
  m5_max: "m5_pro",
};
