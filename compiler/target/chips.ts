/**
 * The chips: what is published about each one's engine, with the source of every number.
 *
 *     chipNamed("m4").streamGBs        { value: 7.7, confidence: "reported", source: "…" }
 *     knownOf("m4_pro", "weightGBs")   m4's number, marked as assumed for m4_pro
 *
 * A number that nobody published is missing here. `knownOf` takes it from another chip of the family
 * or the nearest family and says so. The constants of the cost model start from these numbers
 * and are then fitted to measurements (`cost_constants.ts`).
 */
import { CHIP_NAMES, type ChipFamily, type ChipName, familyOf } from "./chip_names.ts";
import type { Confidence } from "./facts/define.ts";

export interface Known {
  readonly value: number;
  readonly confidence: Confidence;
  /** A public project, issue or page, and the conditions. */
  readonly source: string;
}

/** The numbers a chip may have. */
export interface ChipNumbers {
  /** Trillions of operations a second in Apple's specification; int8 from the M4 on. */
  readonly specTops?: Known;
  /** The best fp16 rate that was measured, in TFLOPS. */
  readonly measuredTflops?: Known;
  /** Milliseconds of a call that does next to nothing. */
  readonly dispatchMs?: Known;
  /** Activations through surfaces, GB/s. */
  readonly streamGBs?: Known;
  /** Constants from memory, GB/s. */
  readonly weightGBs?: Known;
  /** Memory on the chip that one engine's compiler plans with, in MiB. */
  readonly onChipMiB?: Known;
  /** Memory bandwidth of the whole chip in Apple's specification, GB/s. */
  readonly dramGBs?: Known;
}

export interface Chip extends ChipNumbers {
  readonly name: ChipName;
  readonly family: ChipFamily;
  /** The engine's architecture in Apple's compiler. */
  readonly architecture: string;
}

const by = (value: number, source: string): Known => ({ value, confidence: "reported", source });
const spec = (value: number): Known => by(value, "Apple, technical specifications");

const AFG = "sbryngelson/ANEForge";
const RELU = `${AFG} bench/results/rooflines.json, relu over [R, 4096]`;
const L2: Known = by(2, "751K M6 study: option L2Size, default 2048 kB, M4 and M6");

const NUMBERS: Readonly<Record<ChipName, ChipNumbers>> = {
  m1: {
    specTops: spec(11),
    measuredTflops: by(4.33, `${AFG} bench/results/rooflines.json, GEMM`),
    dispatchMs: by(0.22, `${AFG} floor; 0.23 in arXiv 2606.22283`),
    streamGBs: by(5.4, RELU),
    weightGBs: by(51, "arXiv 2606.22283, weight stream"),
    dramGBs: spec(68),
  },
  m1_pro: {
    specTops: spec(11),
    dispatchMs: by(0.19, "maderix/ANE issue 24: 183 to 218 µs for one small layer, macOS 26.2"),
    dramGBs: spec(200),
  },
  m1_max: {
    specTops: spec(11),
    measuredTflops: by(4.59, `${AFG} bench/results/rooflines.json, GEMM`),
    streamGBs: by(7.4, RELU),
    dramGBs: spec(400),
  },
  m1_ultra: {
    specTops: spec(22),
    measuredTflops: by(2.59, "maderix/ANE community table, a small kernel on one die"),
    dramGBs: spec(800),
  },
  m2: { specTops: spec(15.8), dramGBs: spec(100) },
  m2_pro: {
    specTops: spec(15.8),
    measuredTflops: by(3.36, `${AFG} bench/results/rooflines.json, GEMM`),
    dispatchMs: by(0.1, `${AFG} floor`),
    streamGBs: by(1, RELU),
    dramGBs: spec(200),
  },
  m2_max: {
    specTops: spec(15.8),
    measuredTflops: by(5.39, `${AFG} GEMM 4096 of 25.5 ms, macOS 26.7.1`),
    dramGBs: spec(400),
  },
  m2_ultra: { specTops: spec(31.6), dramGBs: spec(800) },
  m3: { specTops: spec(18), dramGBs: spec(100) },
  m3_pro: {
    specTops: spec(18),
    measuredTflops: by(16.77, "maderix/ANE community table, conv over 2048 positions"),
    dramGBs: spec(150),
  },
  m3_max: {
    specTops: spec(18),
    dispatchMs: by(0.119, "skyfallsin field guide: 119 µs and bytes / 78 GB/s, macOS 26.3.1"),
    weightGBs: by(78, "skyfallsin field guide: 119 µs and bytes / 78 GB/s, macOS 26.3.1"),
    streamGBs: by(26, "skyfallsin field guide: 26 MB of runtime operands in 1.00 ms"),
    dramGBs: spec(400),
  },
  m3_ultra: {
    specTops: spec(36),
    measuredTflops: by(8.77, "maderix/ANE issue 42, 128 convs of 512 channels, one die"),
    dispatchMs: by(0.189, "maderix/ANE issue 42, one conv of 512 channels"),
    dramGBs: spec(819),
  },
  m4: {
    specTops: spec(38),
    measuredTflops: by(18.6, "maderix/ANE conv over 64×64 positions"),
    dispatchMs: by(0.095, "maderix/ANE, mechramc/Orion and ncdrone/rustane"),
    streamGBs: by(7.7, RELU),
    weightGBs: by(67, "751K M6 study, sparse reads"),
    onChipMiB: L2,
    dramGBs: spec(120),
  },
  m4_pro: {
    specTops: spec(38),
    measuredTflops: by(12.57, "maderix/ANE community table, 128 convs of 512 channels"),
    dramGBs: spec(273),
  },
  m4_max: {
    specTops: spec(38),
    measuredTflops: by(17.8, "ncdrone/rustane, fused ops; 10.93 in maderix/ANE's conv sweep"),
    streamGBs: by(23, RELU),
    dramGBs: spec(546),
  },
  m5: {
    measuredTflops: by(12.44, "maderix/ANE community table, 128 convs of 512 channels"),
    dispatchMs: by(0.07, "maderix/ANE training/m5result.md, conv of 256 channels"),
    streamGBs: by(20.2, RELU),
    weightGBs: by(145, "arXiv 2606.22283, weight stream"),
    dramGBs: spec(153),
  },
  m5_pro: {
    measuredTflops: by(19.6, `${AFG} aneforge/ane_cost_model.json, conv 3×3, marginal`),
    dispatchMs: by(0.075, `${AFG} aneforge/ane_cost_model.json, floor of 74 to 80 µs`),
    streamGBs: by(24, RELU),
    weightGBs: by(157, `${AFG} aneforge/ane_cost_model.json, GEMV`),
  },
  m5_max: {},
};

const ARCHITECTURES: Readonly<Record<ChipFamily, string>> = {
  m1: "h13",
  m2: "h14",
  m3: "h15",
  m4: "h16",
  m5: "h17",
};

/** A chip's published numbers. */
export function chipNamed(name: ChipName): Chip {
  const family = familyOf(name);
  return { name, family, architecture: ARCHITECTURES[family], ...NUMBERS[name] };
}

/** Every chip, the oldest first. */
export const chips: readonly Chip[] = CHIP_NAMES.map(chipNamed);

/** Chips to ask for a number, the most alike first: the family, then earlier and later families. */
function relatives(name: ChipName): readonly ChipName[] {
  const generation = Number(familyOf(name).slice(1));
  const distance = (other: ChipName): number => {
    const apart = Number(familyOf(other).slice(1)) - generation;
    // Of two families equally far away, the earlier.
    return apart === 0 ? 0 : 2 * Math.abs(apart) + (apart > 0 ? 1 : 0);
  };
  const order = CHIP_NAMES.map((other, index) => ({ other, far: distance(other), index }));
  return order.sort((a, b) => a.far - b.far || a.index - b.index).map((o) => o.other);
}

/** A chip's number; one that is not published is that of the nearest chip, marked as assumed. */
export function knownOf(name: ChipName, key: keyof ChipNumbers): Known | undefined {
  const own = NUMBERS[name][key];
  if (own !== undefined) return own;
  for (const other of relatives(name)) {
    const found = NUMBERS[other][key];
    if (found === undefined || other === name) continue;
    return { value: found.value, confidence: "assumed", source: `${other}: ${found.source}` };
  }
  return undefined;
}
