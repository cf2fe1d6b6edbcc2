/**
 * What the earlier systems' hand-written kernels move and compute, from a reading of their source: the layouts
 * of maderix/ANE `training_dynamic`, AutoANE, ncdrone and spoutop (ten kernels, and seven products alone) and of
 * fiale-plus/autoresearch-ane (eight).
 */

/** Bytes of fp16 for each micro-step; `staged` for each update of the weights. */
export interface PublishedTraffic {
  readonly dispatches: number;
  readonly written: number;
  readonly read: number;
  readonly copied: number;
  readonly staged: number;
  readonly flops: number;
}

export type KernelSet = "full10" | "fused8" | "matmul7";

function traffic(numbers: readonly number[]): PublishedTraffic {
  const [dispatches, written, read, copied, staged, flops] = numbers as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { dispatches, written, read, copied, staged, flops };
}

/** By model of `dsl/models`; ncdrone published no figures for eight kernels, and none for products alone. */
export const PUBLISHED: Readonly<
  Record<string, Readonly<Partial<Record<KernelSet, PublishedTraffic>>>>
> = {
  autoresearch: {
    full10: traffic([40, 9961472, 11796480, 2097152, 45088768, 6241124352]),
    matmul7: traffic([28, 4587520, 4718592, 0, 22544384, 2885681152]),
  },
  d768_l6_s512: {
    full10: traffic([60, 95944704, 111673344, 75497472, 169869312, 103884521472]),
    fused8: traffic([48, 91226112, 106954752, 75497472, 169869312, 103884521472]),
    matmul7: traffic([42, 40894464, 48758784, 0, 84934656, 43486543872]),
  },
  nl6_s512: {
    full10: traffic([60, 95944704, 111673344, 37748736, 169869312, 103884521472]),
  },
  stories110m: {
    full10: traffic([120, 95944704, 111673344, 37748736, 339738624, 95428804608]),
    fused8: traffic([96, 91226112, 106954752, 37748736, 339738624, 95428804608]),
    matmul7: traffic([84, 40894464, 48758784, 0, 169869312, 43486543872]),
  },
  qwen3_06b: {
    full10: traffic([280, 425721856, 455081984, 117440512, 1761607680, 503584915456]),
    matmul7: traffic([196, 146800640, 176160768, 0, 880803840, 225485783040]),
  },
};

/** Sizes of a model: width, sequence, feed-forward, projected widths, channels of scores. */
export interface Sizes {
  readonly D: number;
  readonly S: number;
  readonly H: number;
  readonly Q: number;
  readonly KV: number;
  readonly SC: number;
}

/** A value on a surface and how much of it it takes: columns, or channels of S columns. */
export type Part = readonly [value: string, extent: number];

export interface PublishedKernel {
  readonly name: string;
  /** Rows of the input surface; undefined where its values stand below each other, each S columns wide. */
  readonly rows?: number;
  readonly input: readonly Part[];
  readonly output: readonly Part[];
  /** Operations that are not constants, where they were counted for a model with positions. */
  readonly ops?: number;
}

/** A gradient at the product with a weight is `d.WEIGHT`; a star is for heads repeated for their groups. */
function shared({ D, S, H, Q }: Sizes): readonly PublishedKernel[] {
  return [
    {
      name: "ffn_fwd",
      rows: D,
      input: [
        ["x2n", S],
        ["x2", S],
        ["w1", H],
        ["w3", H],
        ["w2", H],
      ],
      output: [
        ["x_next", D],
        ["h1", H],
        ["h3", H],
        ["gate", H],
      ],
      ops: 28,
    },
    {
      name: "ffn_bwd_w2",
      rows: D,
      input: [
        ["d.w2", S],
        ["w2", H],
      ],
      output: [["dgate", H]],
      ops: 8,
    },
    {
      name: "ffn_bwd_w13",
      rows: H,
      input: [
        ["d.w1", S],
        ["d.w3", S],
        ["w1", D],
        ["w3", D],
      ],
      output: [["dx2n", D]],
      ops: 15,
    },
    {
      name: "wo_bwd",
      rows: D,
      input: [
        ["d.wo", S],
        ["wo", Q],
      ],
      output: [["da", Q]],
      ops: 8,
    },
  ];
}

/** The ten; `sdpa_fwd` without the copy of its input that nobody reads. */
export function tenKernels(sizes: Sizes): readonly PublishedKernel[] {
  const { D, S, Q, KV, SC } = sizes;
  const star = Q === KV ? "" : "*";
  const [k, v] = [`k${star}`, `v${star}`];
  return [
    {
      name: "sdpa_fwd",
      rows: D,
      input: [
        ["xn", S],
        ["wq", Q],
        ["wk", KV],
        ["wv", KV],
      ],
      output: [
        ["attn", Q],
        ["q", Q],
        ["k", KV],
        ["v", KV],
      ],
      ops: 56,
    },
    {
      name: "wo_fwd",
      rows: Q,
      input: [
        ["attn", S],
        ["wo", D],
      ],
      output: [["o", D]],
      ops: 8,
    },
    ...shared(sizes),
    {
      name: "sdpa_bwd1",
      input: [
        ["q", Q],
        [k, Q],
        [v, Q],
        ["da", Q],
      ],
      output: [
        ["d.wv", Q],
        ["probs", SC],
        ["dp", SC],
      ],
      ops: 23,
    },
    {
      name: "sdpa_bwd2",
      input: [
        ["probs", SC],
        ["dp", SC],
        ["q", Q],
        [k, Q],
      ],
      output: [
        ["d.wq", Q],
        ["d.wk", Q],
      ],
      ops: 22,
    },
    {
      name: "q_bwd",
      rows: Q,
      input: [
        ["d.wq", S],
        ["wq", D],
      ],
      output: [["dxn d_q", D]],
      ops: 8,
    },
    {
      name: "kv_bwd",
      rows: KV,
      input: [
        ["d.wk", S],
        ["d.wv", S],
        ["wk", D],
        ["wv", D],
      ],
      output: [["dxn d_kv", D]],
      ops: 15,
    },
  ];
}

/** The eight, for as many key heads as query heads. */
export function eightKernels(sizes: Sizes): readonly PublishedKernel[] {
  const { D, S, Q, KV, SC } = sizes;
  return [
    {
      name: "sdpa_wo_fwd",
      rows: D,
      input: [
        ["xn", S],
        ["wq", Q],
        ["wk", KV],
        ["wv", KV],
        ["wo", Q],
      ],
      output: [
        ["o", D],
        ["attn", Q],
        ["q", Q],
        ["k", KV],
        ["v", KV],
      ],
    },
    ...shared(sizes),
    {
      name: "sdpa_bwd1",
      input: [
        ["q", Q],
        ["k", KV],
        ["v", KV],
        ["da", Q],
      ],
      output: [
        ["d.wv", KV],
        ["probs", SC],
        ["dp", SC],
      ],
      ops: 23,
    },
    {
      name: "sdpa_bwd2",
      input: [
        ["probs", SC],
        ["dp", SC],
        ["q", Q],
        ["k", KV],
      ],
      output: [
        ["d.wq", Q],
        ["d.wk", KV],
      ],
      ops: 22,
    },
    {
      name: "qkv_bwd",
      rows: Q,
      input: [
        ["d.wq", S],
        ["d.wk", S],
        ["d.wv", S],
        ["wq", D],
        ["wk", D],
        ["wv", D],
      ],
      output: [["dxn d_qkv", D]],
      ops: 22,
    },
  ];
}

/** Bytes of the input and output surfaces, in the order of `tenKernels`. */
export const SURFACE_BYTES: Readonly<
  Record<string, Readonly<Record<string, readonly [input: number, output: number]>>>
> = {
  autoresearch: {
    sdpa_fwd: [917504, 458752],
    wo_fwd: [655360, 131072],
    ffn_fwd: [4587520, 1212416],
    ffn_bwd_w2: [1572864, 360448],
    ffn_bwd_w13: [3604480, 131072],
    wo_bwd: [655360, 131072],
    sdpa_bwd1: [524288, 655360],
    sdpa_bwd2: [786432, 262144],
    q_bwd: [655360, 131072],
    kv_bwd: [327680, 131072],
  },
  stories110m: {
    sdpa_fwd: [3932160, 1966080],
    wo_fwd: [1572864, 393216],
    ffn_fwd: [10223616, 3538944],
    ffn_bwd_w2: [3538944, 1048576],
    ffn_bwd_w13: [8388608, 393216],
    wo_bwd: [1572864, 393216],
    sdpa_bwd1: [1572864, 3538944],
    sdpa_bwd2: [3932160, 786432],
    q_bwd: [1572864, 393216],
    kv_bwd: [3145728, 393216],
  },
  d768_l6_s512: {
    sdpa_fwd: [4325376, 3932160],
    wo_fwd: [1966080, 786432],
    ffn_fwd: [11010048, 7077888],
    ffn_bwd_w2: [3932160, 2097152],
    ffn_bwd_w13: [10485760, 786432],
    wo_bwd: [1966080, 786432],
    sdpa_bwd1: [3145728, 13369344],
    sdpa_bwd2: [14155776, 1572864],
    q_bwd: [1966080, 786432],
    kv_bwd: [3932160, 786432],
  },
  qwen3_06b: {
    sdpa_fwd: [8912896, 3670016],
    wo_fwd: [5242880, 524288],
    ffn_fwd: [19922944, 5242880],
    ffn_bwd_w2: [6815744, 1572864],
    ffn_bwd_w13: [15728640, 524288],
    wo_bwd: [4718592, 1048576],
    sdpa_bwd1: [4194304, 5242880],
    sdpa_bwd2: [6291456, 2097152],
    q_bwd: [5242880, 524288],
    kv_bwd: [5242880, 524288],
  },
};
