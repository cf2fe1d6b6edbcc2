/**
 * What a format of models is: how it is recognised, read and written.
 *
 * `formats/index.ts` lists them. A format says in `keeps` what it can hold beside weights, so that
 * converting can tell the user what is lost; what it cannot express at all is an error of its writer.
 */
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { BlztOrigin } from "./blzt_layout.ts";
import type { WeightSet } from "./weights.ts";

/** What is known of a path before it is read. */
export interface Probe {
  readonly path: string;
  /** The names in it; null for a file. */
  readonly folder: readonly string[] | null;
  /** The first bytes of a file, `PROBE_BYTES` at most; none of a folder. */
  readonly head: Uint8Array;
  /** Bytes of a file; 0 for a folder. */
  readonly size: number;
}

/** As much of a file as a format is recognised by. */
export const PROBE_BYTES = 4096;

/** Types that matrices can be written in. */
export const writeDtypes = ["f32", "f16", "bf16", "q8_0"] as const;

export type WriteDtype = (typeof writeDtypes)[number];

export interface ReadOptions {
  /** Rows of ids that training never saw are zero where a file left them out. */
  readonly expand?: boolean;
  /** Without `expand`: such a file is read with a tokenizer of fewer ids, where it can be cut. */
  readonly cut?: boolean;
  /** Which program wrote a BLZT checkpoint of version 2, where it cannot be told. */
  readonly blztOrigin?: BlztOrigin;
  /** What the user says of a model whose file does not hold it; it stands above what would be assumed. */
  readonly ropeTheta?: number;
  readonly normEps?: number;
  readonly residualScale?: number;
  /** Receives warnings. */
  readonly report?: (warning: Diagnostic) => void;
}

export interface WriteOptions {
  /** The type of matrices; unless given, each tensor's own if the format has it, else f32. */
  readonly dtype?: WriteDtype;
  /** Replace a folder that is there; a file is replaced in any case. */
  readonly replace?: boolean;
  /** Receives warnings. */
  readonly report?: (warning: Diagnostic) => void;
}

export interface Format {
  /** As after `--to`. */
  readonly name: string;
  /** One line for the list of formats. */
  readonly doc: string;
  /** How names of its files end, with the dot; a format of folders has none. */
  readonly extensions: readonly string[];
  /** What it is written in; none if it cannot be written. The first is the format's own. */
  readonly dtypes: readonly WriteDtype[];
  /** What it can hold beside weights. */
  readonly keeps: {
    readonly residualScale: boolean;
    readonly optimizer: boolean;
    readonly training: boolean;
    readonly tokenizer: boolean;
    /** A vocabulary of any size: the ids of a file are those of its own tokenizer, and of nothing else. */
    readonly anyVocabulary: boolean;
  };
  /** Whether a path is of this format, as far as its first bytes tell. */
  detect(probe: Probe): boolean;
  /** Throws a `UserError` for what is damaged, and for what we do not have. */
  read(path: string, options?: ReadOptions): WeightSet;
  /** Writes whole or not at all. Throws a `UserError`; absent if the format is only read. */
  readonly write?: (path: string, weights: WeightSet, options?: WriteOptions) => void;
}
