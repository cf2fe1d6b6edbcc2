/**
 * What is verified: a checkpoint of any format, opened as far as it goes, and data to go with it.
 *
 * Nothing here stops at the first mistake: what cannot be opened is kept as the reason, and the checks say what
 * follows from it.
 */
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { type BlztLayout, readBlztLayout } from "../../formats/blzt_layout.ts";
import { readFileBytes } from "../../formats/files.ts";
import type { ReadOptions } from "../../formats/format.ts";
import { detectFormat, probe } from "../../formats/index.ts";
import type { WeightSet } from "../../formats/weights.ts";
import type { DeviceOptions } from "../../runtime-native/js/index.ts";
import { type Checkpoint, readCheckpoint } from "../checkpoint.ts";
import { modelOf } from "../checkpoint_model.ts";
import {
  idBytes,
  metadataPath,
  readMetadata,
  type TokenData,
  type Tokens,
} from "../data/token_file.ts";
import type { EngineChoice } from "../engine_programs.ts";
import { checkpointOf, weightsOf } from "../foreign_model.ts";
import type { TrainingModel } from "../model.ts";

/** Bytes at the start of a token file that are looked at. */
const HEAD = 256;

/** Tokens as they stand in a file, whatever is wrong with them. */
export interface RawTokens {
  readonly path: string;
  /** Bytes of the file, and of an id. */
  readonly bytes: number;
  readonly width: 2 | 4;
  readonly tokens: Tokens;
  /** The first bytes of a token file; none of data that was opened as what it is. */
  readonly head: Uint8Array;
}

/** A checkpoint that could be opened. */
export interface Opened {
  readonly checkpoint: Checkpoint;
  readonly model: TrainingModel;
  /** Null for a model that is none of the known families. */
  readonly weights: WeightSet | null;
}

/** Sizes that the model should have, by the letters of dimensions, and hyper-parameters. */
export type Expected = ReadonlyMap<string, number>;

export interface Subject {
  readonly path: string;
  /** Null if the first bytes are of none. */
  readonly format: string | null;
  readonly opened: Opened | null;
  /** Why it could not be opened, or null. */
  readonly failure: Diagnostic | null;
  /** Of a BLZT checkpoint whose header makes sense. */
  readonly layout: BlztLayout | null;
  readonly data: RawTokens | null;
  /** Why there is no data. */
  readonly noData: string;
  /** Distinct ids that the data should have; null if nobody said. */
  readonly distinct: number | null;
  readonly expected: Expected | null;
  /** The text of the model that it should be, or null. */
  readonly source: SourceFile | null;
  readonly device: DeviceOptions;
  /** The engine to compare with; null without one. */
  readonly engine: { readonly device: DeviceOptions; readonly choice: EngineChoice } | null;
}

export interface SubjectOptions extends ReadOptions {
  /** A token file. */
  readonly data?: string;
  readonly distinct?: number;
  /** A model to compare with: a name or an `.ane` file. */
  readonly model?: string;
  readonly device?: DeviceOptions;
  readonly engine?: Subject["engine"];
}

/** Opens what there is. Throws a `UserError` only if the file itself, the data or the model cannot be read. */
export function openSubject(path: string, options: SubjectOptions = {}): Subject {
  const seen = probe(path);
  const attempt = attempted(() => detectFormat(path).name);
  const opening = attempted(() => open(path, attempt.value, options));
  const layout = attempted(() => readBlztLayout(path, seen.head, seen.size, options.blztOrigin));
  const { data, distinct = null, device = {}, engine = null } = options;
  return {
    ...{ path, format: attempt.value, opened: opening.value, layout: layout.value },
    failure: attempt.failure ?? opening.failure,
    data: data === undefined ? null : rawTokens(data),
    noData: "no data was given: `--data`",
    ...{ distinct, device, engine },
    ...expectedOf(options.model),
  };
}

/** The same with data that was opened as what it is: a text, or one that has a name. */
export function withTokens(subject: Subject, { path, tokens }: TokenData): Subject {
  const width = tokens instanceof Uint16Array ? 2 : 4;
  const data = { path, tokens, width, bytes: tokens.byteLength, head: new Uint8Array(0) } as const;
  return { ...subject, data };
}

function attempted<T>(work: () => T): { value: T | null; failure: Diagnostic | null } {
  try {
    return { value: work(), failure: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { value: null, failure: error.diagnostics[0] ?? null };
  }
}

function open(path: string, format: string | null, options: ReadOptions): Opened | null {
  if (format === null) return null;
  if (format === "anec") {
    const checkpoint = readCheckpoint(path);
    const model = modelOf(checkpoint);
    const weights = attempted(() => weightsOf(checkpoint, { expand: true })).value;
    return { checkpoint, model, weights };
  }
  const weights = detectFormat(path).read(path, options);
  const checkpoint = { ...checkpointOf(weights), path };
  return { checkpoint, model: modelOf(checkpoint), weights };
}

/** A token file without judging it. Throws a `UserError` (E0702 to E0707, E0807, E0808). */
function rawTokens(path: string): RawTokens {
  const metadata = readMetadata(metadataPath(path));
  const bytes = readFileBytes(path);
  const width = idBytes(metadata?.dtype ?? "uint16");
  const whole = bytes.length - (bytes.length % width);
  const tokens =
    width === 2
      ? new Uint16Array(bytes.buffer, 0, whole / 2)
      : new Uint32Array(bytes.buffer, 0, whole / 4);
  return { path, bytes: bytes.length, width, tokens, head: bytes.subarray(0, HEAD) };
}

function expectedOf(model: string | undefined): Pick<Subject, "expected" | "source"> {
  if (model === undefined) return { expected: null, source: null };
  const source = loadModel(model);
  const { dims, hyper } = elaborate(source);
  return { expected: new Map([...dims, ...hyper]), source };
}
