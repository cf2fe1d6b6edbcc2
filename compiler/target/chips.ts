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
/** Apple's announcement of a chip; `about` says what else the reader should know. */
const apple = (value: number, date: string, about = ""): Known =>
  by(value, `Apple, newsroom of ${date}${about}`);

const M1_DAY = "10 November 2020";
const M1_PRO_DAY = "18 October 2021";
const M1_ULTRA_DAY = "8 March 2022";
const M2_DAY = "6 June 2022";
const M2_PRO_DAY = "17 January 2023";
const M2_ULTRA_DAY = "5 June 2023";
const M4_DAY = "7 May 2024";
const M4_PRO_DAY = "30 October 2024";
const SAME_ENGINE = ", for the smallest chip of the family, whose engine it has";
const M3_TOPS: Known = by(
  18,
  "Wikipedia, Apple M3; Apple says 60 % faster than M1, which is 17.6, and maderix/ANE counts with 15.8",
);
const M3_SPECS = "Apple, specifications of MacBook Pro, 2023";

const AFG = "sbryngelson/ANEForge";
const RELU = `${AFG} bench/results/rooflines.json, relu over [R, 4096]`;
const L2: Known = by(2, "751K M6 study: option L2Size, default 2048 kB, M4 and M6");

const NUMBERS: Readonly<Record<ChipName, ChipNumbers>> = {
  m1: {
    specTops: apple(11, M1_DAY),
    measuredTflops: by(4.33, `${AFG} bench/results/rooflines.json, GEMM`),
    dispatchMs: by(0.22, `${AFG} floor; 0.23 in arXiv 2606.22283`),
    streamGBs: by(5.4, RELU),
    weightGBs: by(51, "arXiv 2606.22283, weight stream"),
    dramGBs: by(68, "Wikipedia, Apple M1: 68.25 GB/s"),
  },
  m1_pro: {
    specTops: apple(11, M1_DAY, SAME_ENGINE),
    dispatchMs: by(0.19, "maderix/ANE issue 24: 183 to 218 µs for one small layer, macOS 26.2"),
    dramGBs: apple(200, M1_PRO_DAY),
  },
  m1_max: {
    specTops: apple(11, M1_DAY, SAME_ENGINE),
    measuredTflops: by(4.59, `${AFG} bench/results/rooflines.json, GEMM`),
    streamGBs: by(7.4, RELU),
    dramGBs: apple(400, M1_PRO_DAY),
  },
  m1_ultra: {
    specTops: apple(22, M1_ULTRA_DAY),
    measuredTflops: by(2.59, "maderix/ANE community table, a small kernel on one die"),
    dramGBs: apple(800, M1_ULTRA_DAY),
  },
  m2: { specTops: apple(15.8, M2_DAY), dramGBs: apple(100, M2_DAY) },
  m2_pro: {
    specTops: apple(15.8, M2_PRO_DAY),
    measuredTflops: by(3.36, `${AFG} bench/results/rooflines.json, GEMM`),
    dispatchMs: by(0.1, `${AFG} floor`),
    streamGBs: by(1, RELU),
    dramGBs: apple(200, M2_PRO_DAY),
  },
  m2_max: {
    specTops: apple(15.8, M2_PRO_DAY),
    measuredTflops: by(5.39, `${AFG} GEMM 4096 of 25.5 ms, macOS 26.7.1`),
    dramGBs: apple(400, M2_PRO_DAY),
  },
  m2_ultra: { specTops: apple(31.6, M2_ULTRA_DAY), dramGBs: apple(800, M2_ULTRA_DAY) },
  m3: { specTops: M3_TOPS, dramGBs: by(100, M3_SPECS) },
  m3_pro: {
    specTops: M3_TOPS,
    measuredTflops: by(16.77, "maderix/ANE community table, conv over 2048 positions"),
    dramGBs: by(150, M3_SPECS),
  },
  m3_max: {
    specTops: M3_TOPS,
    dispatchMs: by(0.119, "skyfallsin field guide: 119 µs and bytes / 78 GB/s, macOS 26.3.1"),
    weightGBs: by(78, "skyfallsin field guide: 119 µs and bytes / 78 GB/s, macOS 26.3.1"),
    streamGBs: by(26, "skyfallsin field guide: 26 MB of runtime operands in 1.00 ms"),
    dramGBs: by(400, `${M3_SPECS}; 300 with 14 cores`),
  },
  m3_ultra: {
    specTops: by(36, `two engines of M3: ${M3_TOPS.source}`),
    measuredTflops: by(8.77, "maderix/ANE issue 42, 128 convs of 512 channels, one die"),
    dispatchMs: by(0.189, "maderix/ANE issue 42, one conv of 512 channels"),
    dramGBs: by(819, "Apple, specifications of Mac Studio, 2025"),
  },
  m4: {
    specTops: apple(38, M4_DAY),
    measuredTflops: by(18.6, "maderix/ANE conv over 64×64 positions"),
    dispatchMs: by(0.095, "maderix/ANE, mechramc/Orion and ncdrone/rustane"),
    streamGBs: by(7.7, RELU),
    weightGBs: by(67, "751K M6 study, sparse reads"),
    onChipMiB: L2,
    dramGBs: apple(120, M4_DAY),
  },
  m4_pro: {
    specTops: apple(38, M4_DAY, SAME_ENGINE),
    measuredTflops: by(12.57, "maderix/ANE community table, 128 convs of 512 channels"),
    dramGBs: apple(273, M4_PRO_DAY),
  },
  m4_max: {
    specTops: apple(38, M4_DAY, SAME_ENGINE),
    measuredTflops: by(17.8, "ncdrone/rustane, fused ops; 10.93 in maderix/ANE's conv sweep"),
    streamGBs: by(23, RELU),
    dramGBs: apple(546, M4_PRO_DAY, "; 410 with 14 cores"),
  },
  m5: {
    measuredTflops: by(12.44, "maderix/ANE community table, 128 convs of 512 channels"),
    dispatchMs: by(0.07, "maderix/ANE training/m5result.md, conv of 256 channels"),
    streamGBs: by(20.2, RELU),
    weightGBs: by(145, "arXiv 2606.22283, weight stream"),
    dramGBs: apple(153, "15 October 2025"),
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

/** What the last letter of an architecture says of the chip. */
const VARIANTS: Readonly<Record<string, string>> = { g: "", s: "_pro", c: "_max", d: "_ultra" };

/** The chip that calls its engine so: `h16g` is `m4`. Undefined for one that is not known. */
export function chipOfArchitecture(architecture: string): ChipName | undefined {
  const [, generation, variant = ""] = /^(h\d+)([a-z])?$/.exec(architecture) ?? [];
  const families = Object.keys(ARCHITECTURES) as ChipFamily[];
  const family = families.find((f) => ARCHITECTURES[f] === generation);
  if (family === undefined) return undefined;
  const name = `${family}${VARIANTS[variant] ?? ""}`;
  return CHIP_NAMES.find((chip) => chip === name) ?? family;
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
