/**
 * What other systems have published of their training: quoted with chip and source, never measured by us.
 *
 * A figure is a number, or the two ends of a range, in the unit of its name. What a publication leaves open is
 * absent.
 */

/** Figures with the words they are printed with. */
export const FIGURES = {
  parametersM: "M parameters",
  lr: "lr",
  seconds: "s",
  steps: "steps",
  msPerStep: "ms/step",
  valLoss: "val loss",
  trainLoss: "train loss",
  bitsPerByte: "bits/byte",
  bestLoss: "best loss",
  engineMs: "ANE ms",
  compileMs: "compile ms",
  tflops: "TFLOPS",
  peakTflops: "peak TFLOPS",
  utilization: "% of peak",
  packageMw: "package mW",
  cpuMw: "CPU mW",
  aneMw: "ANE mW",
  memoryMb: "MB",
  tokensPerSecond: "tokens/s",
} as const;

export type Figure = keyof typeof FIGURES;

export type Figures = Readonly<
  Partial<Record<Figure, number | readonly [low: number, high: number]>>
>;

export interface Published {
  readonly system: string;
  readonly chip: string;
  /** Where it is published. */
  readonly source: string;
  /** The model and how it was trained. */
  readonly what: string;
  readonly figures: Figures;
  /** What to know before comparing. */
  readonly note?: string;
}

/** Where a list of results comes from. */
export type Origin = Pick<Published, "system" | "chip" | "source"> &
  Pick<Partial<Published>, "note">;

/** One result. */
export function result(origin: Origin, what: string, figures: Figures, note?: string): Published {
  const { note: common, ...rest } = origin;
  const own = note ?? common;
  return { ...rest, what, figures, ...(own === undefined ? {} : { note: own }) };
}

/** What a publication says of itself that its own logs or code contradict. */
export interface Correction {
  readonly source: string;
  readonly says: string;
  readonly is: string;
}

export const corrections: readonly Correction[] = [
  {
    source: "AutoANE, power benchmark",
    says: "9.2, 10.9 and 9.7 mJ a step on the cpu, with matmuls on the ANE, and with all on the ANE",
    is:
      "milliwatts were divided by steps. Its own package power over 60 s and its steps make 555, 656 and 584 mJ a " +
      "step, and net of the idle machine 201, 215 and 194.",
  },
  {
    source: "AutoANE, README",
    says: "LoRA by backprop reaches a validation loss of 1.7972 with the forward pass on the ANE",
    is: "the log of that run begins with its mode: cpu only.",
  },
  {
    source: "AutoANE, technical report",
    says: "the gap between training and validation of the full ANE mode comes from fp16 and cannot be closed",
    is:
      "its fused kernels give query head h the key head h mod K, and rotate with base 10000 whatever the model; its " +
      "validation on the cpu does neither. With fewer key heads than query heads, two different networks are compared.",
  },
];
