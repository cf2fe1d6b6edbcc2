/** Programs of several layers, inference of whole models, and what stays outside the comparison. */
import { addWork, NO_WORK, type Work } from "../../compiler/target/cost_work.ts";
import { call, type Outside, type Place, type Row, repeated } from "./row.ts";

const HALF = 2;
const ISSUE: Place = {
  source: "maderix/ANE issue 24, macOS 26.2",
  chip: "m1_pro",
  assumes: "64 positions; two matrices in the FFN",
};

/** Two constant matrices with an activation between them. */
function feed(D: number, F: number, S = 64): Work {
  return {
    ...NO_WORK,
    flops: 4 * S * D * F,
    weightBytes: HALF * 2 * D * F,
    surfaceBytes: HALF * 2 * S * D,
    ops: 2,
  };
}

/** A whole layer with constant weights. */
function layer(D: number, F: number, H: number, S = 64): Work {
  const P = 4 * D * D + 3 * D * F;
  return {
    ...NO_WORK,
    flops: 2 * S * P + 4 * S * S * D,
    weightBytes: HALF * P,
    surfaceBytes: HALF * 2 * S * D,
    elements: S * (4 * D + 3 * F),
    reducedElements: 2 * S * D + H * S * S,
    movedBytes: HALF * S * 4 * D,
    ops: 30,
  };
}

const half = (work: Work): Work => ({
  ...work,
  flops: work.flops / 2,
  weightBytes: work.weightBytes / 2,
  elements: work.elements / 2,
  reducedElements: work.reducedElements / 2,
  movedBytes: work.movedBytes / 2,
  ops: work.ops / 2,
});

const fusion: readonly Row[] = [
  ...(
    [
      [64, 128, 2.197, 0.247, undefined],
      [288, 768, 2.611, 0.705, 0.218],
      [768, 2048, 5.153, 1.839, 0.429],
    ] as const
  ).flatMap(([D, F, separate, fused, single]) => [
    call(`ffn ${D} separate`, ISSUE, separate, feed(D, F), 12),
    call(`ffn ${D} fused`, ISSUE, fused, repeated(feed(D, F), 12)),
    ...(single === undefined ? [] : [call(`ffn ${D} single`, ISSUE, single, feed(D, F))]),
  ]),
  call("15M separate", ISSUE, 3.039, half(layer(288, 768, 6)), 12),
  call("15M fused", ISSUE, 0.728, repeated(layer(288, 768, 6), 6)),
  call("110M separate", ISSUE, 15.227, half(layer(768, 2048, 12)), 24),
  call("110M fused", ISSUE, 5.081, repeated(layer(768, 2048, 12), 12)),
  call(
    "block m4_max",
    { source: "maderix/ANE pull 40, macOS 15", chip: "m4_max", assumes: "256 positions" },
    0.21,
    layer(768, 2048, 12, 256),
  ),
  call("eval m4_max", { source: "maderix/ANE pull 40, macOS 15", chip: "m4_max" }, 0.2, {
    ...NO_WORK,
    surfaceBytes: HALF * 2 * 768 * 256,
    flops: 2 * 256 * 768 * 768,
    ops: 1,
  }),
];

const TRUNK: Place = { source: "christopherkarani/Espresso, macOS 15", chip: "m3_max" };
const trunk = repeated(layer(768, 2048, 12, 32), 3);

const inference: readonly Row[] = [
  call("decode trunk", TRUNK, 0.893, trunk, 2),
  call("decode token", TRUNK, 1.08, trunk, 2),
  call(
    "decode qwen2.5 0.5B",
    { source: "maderix/ANE pull 26, 82 tokens/s, 169 programs", chip: "m4_pro" },
    1e3 / 82,
    { ...NO_WORK, weightBytes: (HALF * 494e6) / 169, flops: (2 * 494e6) / 169, ops: 3 },
    169,
  ),
  call(
    "forward smollm2 360M",
    {
      source: "vatsal191201/AutoANE MeZO, two forward passes",
      chip: "m2_pro",
      assumes: "that the host's share is small",
    },
    262,
    addWork(layer(960, 2560, 15, 256), { ops: -20 }),
    64,
  ),
  call(
    "mlp slice",
    {
      source: "joshuarossi/mlx-bun, 10.2 TFLOPS over 2048 rows of 5120 and 9600 columns",
      chip: "m4_pro",
    },
    59.2,
    {
      ...NO_WORK,
      flops: 6 * 2048 * 5120 * 9600,
      surfaceBytes: HALF * (3 * 5120 * 9600 + 2 * 2048 * 5120),
      spilledBytes: 2 * HALF * 3 * 2048 * 9600,
      ops: 30,
    },
  ),
];

/** Every row about a program of several layers. */
export const programRows: readonly Row[] = [...fusion, ...inference];

const outside = (id: string, source: string, published: string, reason: string): Outside => ({
  id,
  source,
  published,
  reason,
});

/** What the model does not predict, and why. */
export const outsideRows: readonly Outside[] = [
  outside(
    "M6 tables",
    "751K M6 study, ANEForge",
    "about 30 values",
    "a chip that anec has no name for",
  ),
  outside("xpc share", "AutoANE on pull 24", "160 µs", "a part of the dispatch floor"),
  outside(
    "round trip",
    "AutoANE specs",
    "0.27 ms",
    "a dispatch and its staging, of no stated size",
  ),
  outside("eval 4096²", "maderix/ANE pull 35", "1.27 to 1.78 ms", "number of rows not stated"),
  outside("single matmul", "maderix/ANE m5result.md", "1.7 TFLOPS", "number of rows not stated"),
  outside("W8A8", "maderix/ANE", "35.1 TOPS", "quantised activations are not modelled"),
  outside("fused FFN", "thebasedcapital/ane-infer", "3.6 TFLOPS", "shape not stated"),
  outside("LoRA", "jmanhype", "0.36 and 0.72 ms", "chip and shapes not stated"),
  outside("Core ML trunk", "Espresso", "5.119 ms", "through Core ML, not a direct call"),
  outside("int8 cache", "jafreck/ironmill", "+3 to +44 %", "a ratio, no time"),
  outside(
    "2048d matmul",
    "AutoANE",
    "546 and 648.5 ms",
    "memory pressure: two runs differ by 19 %",
  ),
  outside("1024d cpu attention", "AutoANE", "77.5 ms", "columns not published"),
  outside(
    "pull 22",
    "maderix/ANE pull 22",
    "76.9 ms",
    "weights as parameters: layout not published",
  ),
  outside("rustane", "ncdrone/rustane", "100 ms to 6.9 s", "configurations not in its table"),
  outside("Orion steps", "mechramc/Orion", "913 and 494 ms", "dominated by reloading programs"),
  outside("UNet", "imperatormk/ane-train", "330 to 400 ms", "layers not published"),
  outside("static M4 range", "maderix/ANE", "M1 Max ANE part", "not published"),
  outside("compile times", "several", "5 ms to 131 s", "compiling is not part of a step"),
  outside("power", "AutoANE, maderix", "0.4 to 13 W", "not a time"),
  outside("compression ratios", "arXiv 2606.22283", "1.0 to 2.37×", "ratios without times"),
  outside("Linux runs", "joshuaswarren", "38 µs to 440 ms", "another runtime and clock"),
];
