/** Single programs: convolutions, products, streams, attention. */
import type { ChipName } from "../../compiler/target/chip_names.ts";
import { NO_WORK, type Work } from "../../compiler/target/cost_work.ts";
import { call, convs, dynamicLinear, elementwise, linear, type Row } from "./row.ts";

const MDX = "maderix/ANE";
const AFG = "sbryngelson/ANEForge bench/results";
const AAN = "vatsal191201/AutoANE";

const GIGA = 1e9;

/** Milliseconds of `flops` at so many TFLOPS. */
const atRate = (flops: number, tflops: number): number => flops / (tflops * GIGA);

// --- Dispatch floors -----------------------------------------------------------------------------

const small = convs({ channels: 256, positions: 64 });

const floors: readonly Row[] = (
  [
    ["m4", "95us", 0.095, `${MDX}, mechramc/Orion, ncdrone/rustane`],
    ["m5", "conv256", 0.07, `${MDX} training/m5result.md`],
    ["m5", "direct", 0.106, "thebasedcapital/ane-infer, direct"],
    ["m5", "daemon", 0.117, "thebasedcapital/ane-infer, through the daemon"],
    ["m3_ultra", "conv512", 0.189, `${MDX} issue 42`],
    ["m1_pro", "ffn64", 0.2, `${MDX} issue 24, 183 to 218 µs`],
    ["m1", "afg", 0.22, "sbryngelson/ANEForge"],
    ["m1", "guide", 0.23, "arXiv 2606.22283"],
    ["m2_pro", "afg", 0.1, "sbryngelson/ANEForge"],
    ["m5_pro", "afg", 0.0715, "sbryngelson/ANEForge, 63 to 80 µs"],
    ["m3_max", "guide", 0.119, "skyfallsin field guide, macOS 26.3.1"],
  ] as const
).map(([chip, name, ms, source]) => call(`floor ${chip} ${name}`, { chip, source }, ms, small));

// --- Convolutions --------------------------------------------------------------------------------

const M4_SWEEP = [
  [32, 512, 0.16],
  [48, 512, 0.19],
  [64, 512, 0.223],
  [96, 512, 0.302],
  [128, 512, 0.366],
  [64, 256, 0.124],
  [128, 256, 0.153],
  [256, 256, 0.22],
  [64, 384, 0.163],
  [128, 384, 0.23],
  [1, 256, 0.106],
  [1, 512, 0.084],
  [1, 1024, 0.116],
  [1, 2048, 0.237],
  [1, 3072, 0.421],
  [1, 4096, 1.012],
] as const;

const sweep: readonly Row[] = M4_SWEEP.map(([depth, channels, ms]) =>
  call(
    `conv m4 ${depth}x${channels}`,
    { chip: "m4", source: `${MDX} issue 3, M4 mini` },
    ms,
    convs({ channels, positions: 64, depth }),
  ),
);

/** Chip, depth, positions, TFLOPS; 512 channels. */
const PEAKS: readonly (readonly [ChipName, number, number, number, string])[] = [
  ["m3_ultra", 32, 64, 3.82, "issue 42"],
  ["m3_ultra", 48, 64, 5.11, "issue 42"],
  ["m3_ultra", 64, 64, 6.86, "issue 42"],
  ["m3_ultra", 96, 64, 8.47, "issue 42"],
  ["m3_ultra", 128, 64, 8.77, "issue 42"],
  ["m1_ultra", 128, 64, 2.59, "community table"],
  ["m3_pro", 128, 64, 9.98, "community table"],
  ["m3_pro", 128, 2048, 16.77, "community table"],
  ["m4", 128, 4096, 18.6, "conv bench"],
  ["m4_pro", 128, 64, 12.57, "community table"],
  ["m4_max", 128, 64, 10.93, "community table"],
  ["m5", 128, 64, 12.3, "community table, 12.17 to 12.44"],
  ["m4", 1, 1024, 5.4, "depth table"],
  ["m4", 4, 1024, 9.8, "depth table"],
  ["m4", 8, 1024, 12.3, "depth table"],
  ["m4", 16, 1024, 11.7, "depth table"],
  ["m4", 48, 1024, 18.5, "depth table"],
];

const peaks: readonly Row[] = PEAKS.map(([chip, depth, positions, tflops, where]) => {
  const work = convs({ channels: 512, positions, depth });
  const ms = atRate(work.flops, tflops);
  return call(
    `peak ${chip} ${depth}x512 at ${positions}`,
    { chip, source: `${MDX} ${where}` },
    ms,
    work,
  );
});

/** Chip, channels, images of 64×64, ms; kernels of 3×3. */
const IMAGES: readonly (readonly [ChipName, number, number, number])[] = [
  ["m4_max", 128, 16, 2.43],
  ["m4_max", 256, 8, 3.44],
  ["m4_max", 512, 4, 5.41],
  ["m5_pro", 64, 16, 0.82],
  ["m5_pro", 128, 16, 2.04],
  ["m1", 64, 8, 4.05],
  ["m1_max", 64, 8, 1.36],
  ["m2_max", 64, 8, 1.25],
  ["m4_pro", 64, 8, 0.88],
  ["m1_max", 256, 4, 4.07],
  ["m2_max", 256, 4, 3.53],
];

const images: readonly Row[] = IMAGES.map(([chip, channels, count, ms]) =>
  call(
    `conv3x3 ${chip} C${channels} B${count}`,
    { chip, source: `${AFG}/rooflines` },
    ms,
    convs({ channels, kernel: 3, positions: 4096, images: count }),
  ),
);

/** Points of ANEForge's line 88.2 µs + 5.096e-8 µs/FLOP for 3×3 kernels on 32×32. */
const lines: readonly Row[] = [256, 512].map((channels) => {
  const work = convs({ channels, kernel: 3, positions: 1024 });
  const ms = (88.2 + 5.096e-8 * work.flops) / 1e3;
  const source = "sbryngelson/ANEForge aneforge/ane_cost_model.json";
  return call(`conv3x3 m5_pro C${channels} 32x32`, { chip: "m5_pro", source }, ms, work);
});

// --- Products ------------------------------------------------------------------------------------

const SQUARES: readonly (readonly [ChipName, Readonly<Record<number, number>>])[] = [
  ["m1", { 512: 0.756, 1024: 2.27, 2048: 10.2, 4096: 51 }],
  ["m1_max", { 512: 0.488, 1024: 1.33, 2048: 4.37, 4096: 30 }],
  ["m2_max", { 512: 0.289, 1024: 1.28, 2048: 3.81, 4096: 25.5 }],
  ["m4", { 512: 0.209, 1024: 0.746, 2048: 3.51, 4096: 25.3, 6144: 135, 8192: 314 }],
  ["m4_pro", { 512: 0.137, 1024: 0.599, 2048: 2.77, 4096: 22.4 }],
  ["m4_max", { 512: 0.139, 1024: 0.371, 2048: 1.94, 4096: 20.6, 6144: 123.7, 8192: 296.5 }],
  ["m5_pro", { 512: 0.148, 1024: 0.362, 2048: 1.686, 4096: 16.6, 6144: 96.6, 8192: 225 }],
];

const squares: readonly Row[] = SQUARES.flatMap(([chip, times]) =>
  Object.entries(times).map(([size, ms]) => {
    const n = Number(size);
    const source = `${AFG}/rooflines, baked linear`;
    return call(`gemm ${chip} ${n}`, { chip, source }, ms, linear(n, n, n));
  }),
);

/** The best GEMM rate; for which size is not said. */
const BEST: readonly (readonly [ChipName, number, number])[] = [
  ["m1", 4.33, 4096],
  ["m2_pro", 3.36, 4096],
  ["m5", 8.71, 2048],
];

const best: readonly Row[] = BEST.map(([chip, tflops, n]) => {
  const work = linear(n, n, n);
  return call(
    `gemm best ${chip}`,
    { chip, source: `${AFG}/rooflines.json`, assumes: `that it was size ${n}` },
    atRate(2 * n ** 3, tflops),
    work,
  );
});

const GEMV = { 512: 6.1, 1024: 28.9, 2048: 75.6, 4096: 113.5, 6144: 129.8, 8192: 142.6 } as const;

const vectors: readonly Row[] = Object.entries(GEMV).map(([size, gbs]) => {
  const n = Number(size);
  const source = `${AFG}/rooflines.json, GB/s of weights`;
  return call(
    `gemv m5_pro ${n}`,
    { chip: "m5_pro", source },
    (2 * n * n) / gbs / 1e6,
    linear(1, n, n),
  );
});

/** Rows, k, n, and ms with weights as fp16, int8, int4 and 68 % zeros. */
const COMPRESSED = [
  [1, 1024, 1024, 0.091, 0.092, 0.095, 0.096],
  [1, 2048, 2048, 0.138, 0.138, 0.103, 0.1],
  [1, 4096, 4096, 0.309, 0.309, 0.195, 0.192],
  [1, 8192, 4096, 0.523, 0.521, 0.314, 0.287],
  [8, 4096, 4096, 0.314, 0.307, 0.218, 0.19],
  [32, 4096, 4096, 0.336, 0.326, 0.216, 0.211],
  [64, 4096, 4096, 0.354, 0.351, 0.245, 0.24],
] as const;

/** Bytes of a weight that are read: int8 saves nothing, zeros are left out. */
const FORMS = [
  ["fp16", 2],
  ["int8", 2],
  ["int4", 0.5],
  ["sparse", 0.86],
] as const;

const compressed: readonly Row[] = COMPRESSED.flatMap(([m, k, n, ...times]) =>
  FORMS.map(([form, bytes], i) =>
    call(
      `linear m5_pro ${m}x${k}x${n} ${form}`,
      { chip: "m5_pro", source: `${AFG}/compress_speedup_bench.json` },
      times[i]!,
      linear(m, k, n, bytes),
    ),
  ),
);

/** From, to, ms as a matmul with weights in the surface, and as a conv; 256 positions. */
const AUTOANE = [
  [960, 960, 0.265, 0.129],
  [960, 320, 0.123, 0.346],
  [960, 2560, 0.449, 0.204],
  [2560, 960, 0.447, 0.232],
  [1024, 1024, 0.069, 0.038],
  [1024, 256, 0.035, 0.023],
  [1024, 2816, 0.15, 0.054],
  [2816, 1024, 0.15, 0.054],
] as const;

const conversions: readonly Row[] = AUTOANE.flatMap(([k, n, matmul, conv]) => {
  const place = { chip: "m2_pro", source: `${AAN}, specs of 2026-03-15 and findings` } as const;
  return [
    call(`matmul m2_pro ${k} to ${n}`, place, matmul, dynamicLinear(256, k, n)),
    call(`conv m2_pro ${k} to ${n}`, place, conv, linear(256, k, n)),
  ];
});

const early: readonly Row[] = [
  [1024, 1024, 0.45],
  [2816, 1024, 1],
].map(([k = 0, n = 0, ms = 0]) =>
  call(
    `matmul early m2_pro ${k} to ${n}`,
    { chip: "m2_pro", source: AAN, assumes: "256 positions" },
    ms,
    dynamicLinear(256, k, n),
  ),
);

// --- Streams, element-wise ops, attention ---------------------------------------------------------

const STREAMS: readonly (readonly [ChipName, number])[] = [
  ["m1", 5.4],
  ["m1_max", 7.4],
  ["m2_pro", 1],
  ["m4", 7.7],
  ["m5", 20.2],
  ["m5_pro", 24],
];

const MEBI = 2 ** 20;

const streams: readonly Row[] = [
  ...STREAMS.map(([chip, gbs]) =>
    call(
      `relu ${chip}`,
      { chip, source: `${AFG}/rooflines.json, GB/s`, assumes: "16 Mi elements" },
      (4 * 16 * MEBI) / gbs / 1e6,
      elementwise(16 * MEBI),
    ),
  ),
  ...(
    [
      [0.25, 0.118],
      [1, 0.234],
      [4, 0.785],
      [16, 2.98],
      [64, 11.66],
    ] as const
  ).map(([size, ms]) =>
    call(
      `relu m4_max ${size} Mi`,
      { chip: "m4_max", source: `${AFG}/rooflines` },
      ms,
      elementwise(size * MEBI),
    ),
  ),
];

const block = 256 * 1024;
const M5_PRO = { chip: "m5_pro", source: `${AFG}/rooflines.json`, assumes: "the chip" } as const;

const reduced = (n: number, ops: number, times = 1): Work => ({
  ...NO_WORK,
  reducedElements: times * n,
  elements: (ops - times) * n,
  surfaceBytes: 4 * n,
  ops,
});

const attention = (heads: number, positions: number, width: number): Work => ({
  ...NO_WORK,
  flops: 4 * heads * positions ** 2 * width,
  reducedElements: heads * positions ** 2,
  surfaceBytes: 8 * heads * positions * width,
  ops: 3,
});

const elements: readonly Row[] = [
  call("elementwise m5_pro 64x256", M5_PRO, 0.095, elementwise(64 * 256)),
  call("relu m5_pro 256x1024", M5_PRO, 0.121, elementwise(block)),
  call("gelu m5_pro 256x1024", M5_PRO, 0.131, elementwise(block)),
  call("softmax m5_pro 256x1024", M5_PRO, 0.139, reduced(block, 1)),
  call("layer_norm m5_pro 256x1024", M5_PRO, 0.296, reduced(block, 5, 2)),
  call("rms_norm m5_pro 256x1024", M5_PRO, 0.608, reduced(block, 5)),
  call("sdpa m5_pro H8 S128 D64", M5_PRO, 0.252, attention(8, 128, 64)),
  call("sdpa m5_pro H16 S128 D128", M5_PRO, 0.637, attention(16, 128, 128)),
  call(
    "sdpa m4 S128 D128",
    { chip: "m4", source: "joshuaswarren/mil-hwx-compiler, macOS 26.3" },
    0.127,
    attention(1, 128, 128),
  ),
  call(
    "matmul gelu m4 256",
    { chip: "m4", source: "joshuaswarren/mil-hwx-compiler, macOS 26.3" },
    0.0766,
    linear(256, 256, 256),
  ),
];

/** Reading a cache of keys and values of one layer, heads of 128. */
const CACHES = [
  ["qwen3 at 512", 8, 512, 0.225],
  ["qwen3 at 2048", 8, 2048, 0.739],
  ["8 heads at 4096", 8, 4096, 3.901],
  ["8 heads at 8192", 8, 8192, 7.622],
  ["32 heads at 2048", 32, 2048, 1.429],
  ["32 heads at 4096", 32, 4096, 2.681],
  ["32 heads at 8192", 32, 8192, 5.172],
] as const;

const caches: readonly Row[] = CACHES.map(([name, heads, positions, ms]) =>
  call(
    `cache m3_pro ${name}`,
    { chip: "m3_pro", source: "jafreck/ironmill docs/design/ane", assumes: "heads of 128" },
    ms,
    { ...NO_WORK, surfaceBytes: 4 * heads * 128 * positions, ops: 3 },
  ),
);

const guide: readonly Row[] = [
  call(
    "conv m3_max 2560",
    { chip: "m3_max", source: "skyfallsin field guide, macOS 26.3.1", assumes: "32 positions" },
    0.32,
    linear(32, 2560, 2560),
  ),
  call(
    "operands m3_max 26 MB",
    { chip: "m3_max", source: "skyfallsin field guide, macOS 26.3.1" },
    1,
    { ...NO_WORK, surfaceBytes: 26e6, elements: 2560 * 2560, reducedElements: 2560 * 2560, ops: 2 },
  ),
];

/** Every row about a single program. */
export const opRows: readonly Row[] = [
  floors,
  sweep,
  peaks,
  images,
  lines,
  squares,
  best,
  vectors,
  compressed,
  conversions,
  early,
  streams,
  elements,
  caches,
  guide,
].flat();
