/** maderix/ANE, autoresearch-ANE and its relatives, Orion, karpathy/autoresearch. */
import { type Origin, type Published, result } from "./result.ts";

const NCDRONE: Origin = {
  ...{ system: "autoresearch-ANE", chip: "M4 Max 128 GB", source: "ncdrone/autoresearch-ANE" },
};
const FIALE: Origin = {
  ...{ system: "autoresearch-ane", chip: "not said", source: "fiale-plus/autoresearch-ane" },
  note: "later results go on from earlier checkpoints",
};
const MADERIX = (chip: string): Origin => ({
  ...{ system: "maderix/ANE", chip, source: "maderix/ANE community_results.json" },
});
const ORION: Origin = { system: "Orion", chip: "M4 Max", source: "mechramc/Orion" };
const KARPATHY: Origin = { system: "autoresearch", chip: "H100", source: "karpathy/autoresearch" };
const MLX = (chip: string): Origin => ({
  ...{ system: "autoresearch-mlx", chip, source: "trevin-creator/autoresearch-mlx" },
});

const ncdrone: readonly Published[] = [
  result(NCDRONE, "6 layers, S 512, lr 2e-4, 10,000 steps", {
    ...{ parametersM: 67.6, msPerStep: 99, steps: 10_000, lr: 2e-4, bestLoss: 5.81 },
  }),
  ...(
    [
      [4, 6.74],
      [6, 6.34],
      [8, 6.94],
      [12, 7.14],
    ] as const
  ).map(([layers, bestLoss]) => result(NCDRONE, `${layers} layers, S 512`, { bestLoss })),
  result(NCDRONE, "6 layers, 8,192 ids, 10,000 steps", {
    ...{ parametersM: 48.8, msPerStep: 138.6, steps: 10_000, bitsPerByte: 2.2273 },
  }),
  result(NCDRONE, "the best of 5 minutes, lr 3e-4, groups of 3", { lr: 3e-4, bitsPerByte: 2.3878 }),
  result(NCDRONE, "lr 2.5e-4, groups of 2, 4.8 hours", {
    ...{ msPerStep: 150.3, steps: 70_000, lr: 2.5e-4, bitsPerByte: 1.6347 },
  }),
  result(NCDRONE, "S 1,024", { msPerStep: 327, steps: 15_000, bitsPerByte: 1.9434 }),
];

const fiale: readonly Published[] = [
  result(FIALE, "AdamW, S 512, 300 s", {
    parametersM: 67,
    msPerStep: 176,
    steps: 1277,
    valLoss: 3.747,
    utilization: 3.6,
  }),
  result(FIALE, "Lion, three kernels fused", { parametersM: 67, msPerStep: 133, valLoss: 2.703 }),
  result(FIALE, "another learning rate", {
    parametersM: 67,
    msPerStep: 96.7,
    steps: 2822,
    valLoss: 2.489,
    utilization: 6.5,
  }),
  result(FIALE, "groups of 2", {
    parametersM: 67,
    msPerStep: 93.7,
    steps: 2270,
    valLoss: 2.320954,
  }),
];

/** Stories110M, S 256, programs compiled anew for every batch. */
const COMMUNITY = [
  ["M1 Pro 32 GB", [148, 163], [32, 35], [7900, 8500], [0.57, 0.63], [3.6, 4.0]],
  ["M1 Max 64 GB", [143, 167], [35, 45], 7100, [0.54, 0.65], [3.4, 4.1]],
  ["M4 Pro", [69, 73], 8.9, 3465, 1.28, 8.1],
  ["M4 Max", 64, 10.2, 3531, 1.45, 9.2],
  ["M5 16 GB", [101, 120], [9.1, 9.8], [3200, 3400], [0.77, 0.91], [4.9, 5.8]],
] as const;

const maderix: readonly Published[] = [
  ...COMMUNITY.map(([chip, msPerStep, engineMs, compileMs, tflops, utilization]) =>
    result(MADERIX(chip), "Stories110M, S 256", {
      msPerStep,
      engineMs,
      compileMs,
      tflops,
      utilization,
    }),
  ),
  ...(
    [
      ["M3 Pro 36 GB", 16.77],
      ["M4 Pro", 12.57],
      ["M4 Max", 10.93],
      ["M5 16 GB", 12.44],
      ["M5 32 GB", 12.17],
    ] as const
  ).map(([chip, peakTflops]) => result(MADERIX(chip), "the largest convolution", { peakTflops })),
  result({ ...MADERIX("M4"), source: "maderix/ANE README" }, "Stories110M, weights as data", {
    msPerStep: [91, 115],
  }),
  result({ ...MADERIX("M4"), source: "maderix/ANE README" }, "Qwen3-0.6B", { msPerStep: 412 }),
  result({ ...MADERIX("M5 Max"), source: "maderix/ANE pull request 50" }, "Stories110M", {
    msPerStep: 73.5,
  }),
  result({ ...MADERIX("M5 Max"), source: "maderix/ANE pull request 50" }, "Qwen3-0.6B", {
    msPerStep: 320,
  }),
];

const others: readonly Published[] = [
  result(ORION, "Stories110M, groups of 4, 1,000 steps", {
    steps: 1000,
    msPerStep: 1345,
    compileMs: 494,
  }),
  result(ORION, "GPT-2 124M, inference", { tokensPerSecond: 170 }),
  result(
    { system: "parameter-golf", chip: "M4 Pro", source: "parameter-golf pull request 801" },
    "9 layers, 512 wide",
    { parametersM: 21.77, steps: 5000, msPerStep: 32.8, bitsPerByte: 3.2636 },
  ),
  result({ system: "rustane", chip: "M4 Max", source: "ncdrone/rustane" }, "6 layers, 8,192 ids", {
    ...{ parametersM: 48.8, msPerStep: 130 },
  }),
  result(KARPATHY, "baseline, 300 s", {
    ...{ parametersM: 50.3, steps: 953, seconds: 300, bitsPerByte: 0.9979, memoryMb: 45_060 },
  }),
  result(KARPATHY, "after 125 experiments", { seconds: 300, bitsPerByte: 0.9697 }),
  result(MLX("M4 Max"), "after a night of experiments", { seconds: 300, bitsPerByte: 1.294526 }),
  result(MLX("Mac mini"), "after a night of experiments", { seconds: 300, bitsPerByte: 1.353329 }),
];

export const otherResults: readonly Published[] = [...ncdrone, ...fiale, ...maderix, ...others];
