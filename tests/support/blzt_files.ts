/** BLZT files written by hand, offset by offset: what the reader and the writer are compared with. */
import { createRandom } from "../../training/random.ts";

export interface BlztSizes {
  readonly L: number;
  readonly V: number;
  readonly D: number;
  readonly F: number;
  readonly H: number;
  readonly K: number;
  readonly E: number;
  readonly S: number;
}

/** Sizes of AutoANE's models as they are. */
export const AUTOANE_MODELS: Readonly<Record<string, BlztSizes & { bytes: number }>> = {
  autoresearch: { L: 4, V: 49152, D: 512, F: 1408, H: 8, K: 2, E: 64, S: 128, bytes: 437_311_584 },
  autoresearch_1536: {
    ...{ L: 4, V: 49152, D: 1536, F: 4224, H: 24, K: 6, E: 64, S: 256, bytes: 2_123_532_384 },
  },
  autoresearch_2048: {
    ...{ L: 4, V: 49152, D: 2048, F: 5632, H: 32, K: 8, E: 64, S: 256, bytes: 3_372_441_696 },
  },
  stories110m: {
    L: 12,
    V: 32000,
    D: 768,
    F: 2048,
    H: 12,
    K: 12,
    E: 64,
    S: 256,
    bytes: 1_314_358_368,
  },
  smollm2_135m: {
    L: 30,
    V: 49152,
    D: 576,
    F: 1536,
    H: 9,
    K: 3,
    E: 64,
    S: 256,
    bytes: 1_614_180_192,
  },
  smollm2_360m: {
    L: 32,
    V: 49152,
    D: 960,
    F: 2560,
    H: 15,
    K: 5,
    E: 64,
    S: 256,
    bytes: 4_341_853_536,
  },
  qwen3_06b: {
    L: 28,
    V: 151936,
    D: 1024,
    F: 3072,
    H: 16,
    K: 8,
    E: 128,
    S: 256,
    bytes: 7_152_513_120,
  },
  qwen3_06b_compact: {
    ...{ L: 28, V: 18516, D: 1024, F: 3072, H: 16, K: 8, E: 128, S: 256, bytes: 5_513_048_160 },
  },
};

/** The same heads and proportions, a few kilobytes. */
export function shrunk({ H, K, E, D, S }: BlztSizes): BlztSizes {
  const head = 4;
  return { L: 2, V: 13, D: (D * head) / E, F: 2 * head + 2, H, K, E: head, S };
}

export interface HandOptions {
  /** 4 bytes at an offset of the header. */
  readonly fields?: Readonly<Record<number, number>>;
  /** Moments: `random`, or `zero` as converters write them. */
  readonly moments?: "random" | "zero";
  readonly seed?: number;
  readonly order?: "autoane" | "orion";
  readonly version?: number;
}

export interface HandFile {
  readonly bytes: Uint8Array;
  /** Words of a tensor as they stand in the file, by their names in C: `Wq.0`, `embed`, `embed.m`. */
  readonly words: ReadonlyMap<string, Uint32Array>;
}

const C_ORDER = ["Wq", "Wk", "Wv", "Wo", "W1", "W2", "W3", "rms_att", "rms_ffn"] as const;
const ORION_ORDER = ["rms_att", "Wq", "Wk", "Wv", "Wo", "rms_ffn", "W1", "W3", "W2"] as const;

/** A file as the C programs write it, with random bits (any fp32 pattern) as weights. */
export function blztByHand(sizes: BlztSizes, options: HandOptions = {}): HandFile {
  const { L, V, D, F, H, K, E, S } = sizes;
  const { fields = {}, moments = "random", seed = 1, order = "autoane", version = 4 } = options;
  const count = {
    ...{ Wq: H * E * D, Wk: K * E * D, Wv: K * E * D, Wo: D * H * E },
    ...{ W1: F * D, W2: D * F, W3: F * D, rms_att: D, rms_ffn: D },
  };
  const random = createRandom(seed);
  const words = new Map<string, Uint32Array>();
  const pieces: Uint8Array[] = [];
  const put = (name: string, n: number, part: "" | ".m" | ".v"): void => {
    const list = new Uint32Array(n);
    if (part === "" || moments === "random") {
      for (let i = 0; i < n; i++) list[i] = Math.floor(random.drand48() * 2 ** 32);
    }
    words.set(name + part, list);
    pieces.push(new Uint8Array(list.buffer));
  };
  const head = new Uint8Array(order === "orion" ? 88 : 96);
  const view = new DataView(head.buffer);
  const ints = [0x424c5a54, version, 77, 5000, L, V, D, F, H, S];
  for (const [i, n] of ints.entries()) view.setInt32(4 * i, n, true);
  view.setFloat32(40, 2.5e-4, true);
  view.setFloat32(44, 3.25, true);
  view.setFloat64(56, 1234.5, true);
  view.setFloat64(64, 2345.5, true);
  view.setInt32(72, 70, true);
  view.setInt32(80, 11, true);
  if (version === 4)
    for (const [i, n] of [K, E, H * E].entries()) view.setInt32(84 + 4 * i, n, true);
  for (const [offset, n] of Object.entries(fields)) view.setInt32(Number(offset), n, true);

  if (order === "orion") {
    for (let l = 0; l < L; l++) for (const c of ORION_ORDER) put(`${c}.${l}`, count[c], "");
    for (let l = 0; l < L; l++) {
      for (const part of [".m", ".v"] as const) {
        for (const c of ORION_ORDER) put(`${c}.${l}`, count[c], part);
      }
    }
    put("embed", V * D, "");
    put("rms_final", D, "");
    for (const part of [".m", ".v"] as const) put("embed", V * D, part);
    for (const part of [".m", ".v"] as const) put("rms_final", D, part);
  } else {
    for (let l = 0; l < L; l++) {
      for (const c of C_ORDER) put(`${c}.${l}`, count[c], "");
      for (const c of C_ORDER)
        for (const part of [".m", ".v"] as const) put(`${c}.${l}`, count[c], part);
    }
    for (const part of ["", ".m", ".v"] as const) put("rms_final", D, part);
    for (const part of ["", ".m", ".v"] as const) put("embed", V * D, part);
  }
  return { bytes: Buffer.concat([head, ...pieces]), words };
}
