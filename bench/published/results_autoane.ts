/** AutoANE: its experiment log, tables and power benchmark. */
import { type Origin, type Published, result } from "./result.ts";

const CHIP = "M2 Pro 16 GB";
const LOG: Origin = { system: "AutoANE", chip: CHIP, source: "AutoANE experiments.jsonl" };
const TSV: Origin = { system: "AutoANE", chip: CHIP, source: "AutoANE results.tsv" };
const REPORT: Origin = { system: "AutoANE", chip: CHIP, source: "AutoANE technical report" };
const POWER: Origin = {
  ...{ system: "AutoANE", chip: CHIP, source: "AutoANE power benchmark" },
  note: "see the correction of its energy a step",
};

/** Width and layers, millions of parameters, steps in 120 s, loss. */
const SIZES = [
  [512, 4, 36.4, 2471, 3.6138],
  [512, 8, 47.7, 1484, 4.2196],
  [768, 2, 50.4, 2484, 3.7342],
  [768, 4, 63.1, 1570, 4.0327],
  [768, 6, 75.8, 1152, 4.1532],
  [1024, 2, 72.9, 1638, 3.857],
  [1024, 4, 95.4, 1022, 4.2981],
  [1024, 6, 118.0, 740, 4.6039],
  [1024, 8, 140.5, 577, 5.0542],
  [1536, 2, 126.2, 1088, 4.3782],
  [1536, 4, 177.0, 620, 4.5203],
] as const;

const sizes: readonly Published[] = SIZES.map(([width, layers, parametersM, steps, valLoss]) =>
  result(LOG, `${width} wide, ${layers} layers, S 256, cpu`, {
    parametersM,
    seconds: 120,
    steps,
    valLoss,
  }),
);

const RATES = [1e-4, 3e-4, 5e-4, 1e-3, 2e-3] as const;
const RATE_LOSSES = [
  [512, 4, [4.1888, 3.6731, 3.5433, 3.7798, 4.0318]],
  [768, 2, [4.0198, 3.7444, 3.6896, 3.8397, 4.2602]],
  [1024, 2, [4.0562, 3.9532, 3.9657, 4.2056, 4.2814]],
] as const;

const rates: readonly Published[] = RATE_LOSSES.flatMap(([width, layers, losses]) =>
  losses.map((valLoss, i) =>
    result(LOG, `${width} wide, ${layers} layers, S 256, cpu`, {
      lr: RATES[i]!,
      seconds: 120,
      valLoss,
    }),
  ),
);

const BUDGETS = [
  [512, 4, 5e-4, 60, 1269, 4.0716],
  [512, 4, 5e-4, 120, 2542, 3.5433],
  [512, 4, 5e-4, 300, 6330, 3.0891],
  [512, 4, 5e-4, 600, 12_269, 2.5478],
  [512, 4, 5e-4, 1800, 38_192, 2.2164],
  [768, 2, 5e-4, 300, 6463, 3.3554],
  [768, 2, 5e-4, 600, 12_829, 2.8417],
  [1024, 2, 3e-4, 300, 4284, 3.2328],
  [1024, 2, 3e-4, 600, 8332, 3.0575],
] as const;

const budgets: readonly Published[] = BUDGETS.map(([width, layers, lr, seconds, steps, valLoss]) =>
  result(LOG, `${width} wide, ${layers} layers, S 256, cpu`, { lr, seconds, steps, valLoss }),
);

/** 512 wide, 4 layers, 120 s on the cpu. */
const TUNING = [
  ["S 256, lr 5e-4", 2456, 3.533, 42.6],
  ["S 128, lr 5e-4", 4037, 3.528, 24.2],
  ["S 128, lr 4e-4", 4074, 3.507, 24.2],
  ["S 64", 5650, 3.875, 16.3],
  ["S 192", 3040, 3.643, 33.7],
] as const;

const tuning: readonly Published[] = TUNING.map(([what, steps, valLoss, msPerStep]) =>
  result(TSV, `512 wide, 4 layers, ${what}, cpu`, { seconds: 120, steps, msPerStep, valLoss }),
);

const modes: readonly Published[] = [
  result(REPORT, "1024 wide, 4 layers, cpu", {
    ...{ parametersM: 95.4, seconds: 120, steps: 1041, msPerStep: 102.2, valLoss: 4.2 },
  }),
  result(REPORT, "1024 wide, 4 layers, all on the ANE", {
    ...{ parametersM: 95.4, seconds: 120, steps: 1297, msPerStep: 68.7, valLoss: 4.69 },
  }),
  result(
    REPORT,
    "1024 wide, 4 layers, 600 s, cpu",
    { seconds: 600, steps: 1262, valLoss: 3.91 },
    "stalled",
  ),
  result(REPORT, "1024 wide, 4 layers, 600 s, matmuls on the ANE", {
    ...{ seconds: 600, steps: 4690, msPerStep: 104.2, valLoss: 3.148 },
  }),
  result(REPORT, "the same for 300 s, cpu", {
    seconds: 300,
    steps: 2489,
    msPerStep: 104.8,
    valLoss: 3.455,
  }),
  result(REPORT, "the same for 300 s, matmuls on the ANE", {
    ...{ seconds: 300, steps: 2288, msPerStep: 104.4, valLoss: 3.497 },
  }),
  result(REPORT, "1536 wide, 4 layers, cpu", { seconds: 120, steps: 634, msPerStep: 159.9 }),
  result(REPORT, "1536 wide, 4 layers, matmuls on the ANE", {
    seconds: 120,
    steps: 560,
    msPerStep: 157.2,
  }),
  result(REPORT, "2048 wide, 4 layers, cpu", { seconds: 120, steps: 306, msPerStep: 280.2 }),
  result(REPORT, "2048 wide, 4 layers, matmuls on the ANE", {
    seconds: 120,
    steps: 210,
    msPerStep: 648.5,
  }),
];

const power: readonly Published[] = [
  result(POWER, "the idle machine", { packageMw: 8455 }),
  result(POWER, "512 wide, 4 layers, cpu", {
    ...{ seconds: 60, steps: 1435, valLoss: 4.343, packageMw: 13_273, cpuMw: 13_241, aneMw: 9 },
  }),
  result(POWER, "512 wide, 4 layers, matmuls on the ANE", {
    ...{ seconds: 60, steps: 1149, valLoss: 4.646, packageMw: 12_568, cpuMw: 12_132, aneMw: 384 },
  }),
  result(POWER, "512 wide, 4 layers, all on the ANE", {
    ...{ seconds: 60, steps: 1301, valLoss: 6.046, packageMw: 12_664, cpuMw: 11_821, aneMw: 765 },
  }),
];

/** 120 s unless said; from scratch 512 wide, 4 layers, S 128; else from published weights. */
const METHODS = [
  ["backprop from scratch, cpu", 30.7, 3015, 3.998, 1200],
  ["backprop from scratch, ANE", 26.0, 3393, 3.79],
  ["MeZO from scratch, cpu", 75.1, 1588, 9.685, 320],
  ["MeZO from scratch, ANE", 94.5, 1265],
  ["backprop, SmolLM2-135M, cpu", 281.5, 382, 1.929, 2910],
  ["backprop, SmolLM2-135M, ANE", 304.8, 346, 1.929, 2910],
  ["MeZO, SmolLM2-135M, cpu", 379.3, 317, 2.249, 785],
  ["MeZO, SmolLM2-135M, ANE", 501.4, 240, 2.249, 785],
  ["MeZO, SmolLM2-360M, cpu", 813.6, 143, 2.067, 1720],
  ["MeZO, SmolLM2-360M, ANE", 1199.9, 100, 2.067, 1720],
  ["backprop, SmolLM2-360M, cpu", 602.1, 140, 1.791, 4133],
  ["backprop, SmolLM2-360M, ANE", 700.1, 120, 1.791, 4133],
  ["backprop with LoRA of rank 8, SmolLM2-360M, cpu", 586, 191, 1.9248, 3954],
  ["backprop with LoRA of rank 8, SmolLM2-360M, ANE", 1344, 74],
  ["MeZO with LoRA, SmolLM2-360M, cpu", 576, 200, 2.068],
  ["MeZO with LoRA, SmolLM2-360M, ANE", 807, 143, 2.07],
  ["MeZO with LoRA split, SmolLM2-360M, cpu", 537, 205, 2.069, 1952],
  ["MeZO with LoRA split, SmolLM2-360M, ANE", 708, 159, 2.07, 1952],
] as const;

const methods: readonly Published[] = [
  ...METHODS.map(([what, msPerStep, steps, valLoss, memoryMb]) =>
    result(REPORT, what, {
      ...{ seconds: 120, msPerStep, steps },
      ...(valLoss === undefined ? {} : { valLoss }),
      ...(memoryMb === undefined ? {} : { memoryMb }),
    }),
  ),
  result(REPORT, "MeZO with LoRA split, fused convolutions, SmolLM2-360M, ANE", { msPerStep: 262 }),
  result(
    REPORT,
    "backprop with LoRA, 200 steps, SmolLM2-360M",
    { seconds: 141, steps: 200, msPerStep: 618, valLoss: 1.7972 },
    "ran on the cpu: see the corrections",
  ),
];

export const autoaneResults: readonly Published[] = [
  ...sizes,
  ...rates,
  ...budgets,
  ...tuning,
  ...modes,
  ...power,
  ...methods,
];
