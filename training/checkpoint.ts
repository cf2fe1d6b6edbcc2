/**
 * Checkpoints: everything a run needs to go on as if it had never stopped, and a model to generate
 * from, in one safetensors file.
 *
 *   tensors    param.PATH; MOMENT.PATH for each moment of the optimizer; grad.PATH inside a group; vocabulary:
 *              full id of every row, if compacted; tokenizer: the text of a tokenizer.json, if the model came
 *              with one
 *   metadata   format, version, digest of all else; model (with its source text), vocabulary, data,
 *              settings, state, origin if it was converted: each a JSON object
 *
 * Equal states give equal bytes: nothing in the file depends on when or how often it was written.
 */
import { createHash } from "node:crypto";
import {
  checkpointDamaged,
  checkpointDigest,
  checkpointVersion,
  foreignCheckpoint,
} from "../compiler/messages/checkpoints.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { encodeSafetensors, readSafetensors, type Safetensors } from "../formats/safetensors.ts";
import { fromInt32, fromUint8, type Tensor, toInt32 } from "../formats/tensor.ts";
import { isTokenizerIds } from "../formats/tokenizer_data.ts";
import type { TokenizerData, TrainingHeader } from "../formats/weights.ts";
import type { Lora } from "../passes/lora.ts";
import type { AdaptiveState } from "./adaptive.ts";
import { compatNames } from "./compat/index.ts";
import type { EngineState } from "./engine_scales.ts";
import { optimizerNames } from "./optimizers/index.ts";
import { type TrainSettings, withOlderDefaults } from "./options.ts";
import type { RandomState } from "./random.ts";
import { scheduleNames } from "./schedules/index.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The mean loss of a validation, in nats, and the micro-steps before it. */
export interface Score {
  readonly step: number;
  readonly loss: number;
}

/** Where a run stands. */
export interface TrainState {
  /** Micro-steps done. */
  readonly step: number;
  /** Updates done. */
  readonly updates: number;
  /** The stream of windows. */
  readonly random: RandomState;
  /** Loss of the last micro-step. */
  readonly lastLoss: number | null;
  /** The group that is open: its micro-steps, the sum of their losses, and the state before them. */
  readonly group: {
    readonly count: number;
    readonly loss: number;
    /** Factor of its gradients, which are those of the scaled loss. Default: 1. */
    readonly scale?: number;
    /** Its gradients are not here: whoever goes on computes its windows again. */
    readonly isRepeated?: true;
    readonly before: { readonly random: RandomState; readonly lastLoss: number | null };
  };
  readonly validation: { readonly last: Score | null; readonly best: Score | null };
  /** Of a run that has been on the engine. */
  readonly engine?: EngineState;
  /** Of a run on the engine whose residual stream is watched. */
  readonly adaptive?: AdaptiveState;
}

export interface CheckpointModel {
  readonly source: SourceFile;
  /** Name of the `train`. */
  readonly entry: string;
  /** As given by the user; the vocabulary follows from the data. */
  readonly overrides: Readonly<Record<string, number>>;
  /** Adapters that are trained beside frozen weights. */
  readonly lora?: Lora;
}

export interface CheckpointData {
  /** As the user called it. */
  readonly name: string;
  readonly tokens: number;
  /** Sha256 of the tokens, in hex. */
  readonly digest: string;
  /** Null when the data did not say. */
  readonly tokenizer: string | null;
  readonly bytesPerToken: number | null;
}

/** What a model that was converted says beside its weights. */
export interface CheckpointOrigin {
  /** Of the model, as in its file or folder. */
  readonly name: string;
  /** Tokens of the longest sequence; the model's own window may be shorter. */
  readonly context: number;
  readonly training: TrainingHeader | null;
  readonly tokenizer: TokenizerData | null;
}

export interface CheckpointContents {
  readonly model: CheckpointModel;
  readonly vocabulary: Vocabulary;
  readonly data: CheckpointData;
  readonly settings: TrainSettings;
  readonly state: TrainState;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Of a model that was converted, and of runs that began with it. */
  readonly origin?: CheckpointOrigin;
}

export interface Checkpoint extends CheckpointContents {
  readonly path: string;
}

const FORMAT = "anec checkpoint";
const VERSION = "1";
const PARTS = ["model", "vocabulary", "data", "settings", "state"] as const;

/** Whether a checkpoint of this state has gradients. */
export function hasGradients({ group }: TrainState): boolean {
  return group.count > 0 && group.isRepeated !== true;
}

/** The bytes of a checkpoint file, in chunks; tensors are not copied. */
export function encodeCheckpoint(contents: CheckpointContents): Iterable<Uint8Array> {
  const { active, ...vocabulary } = contents.vocabulary;
  const tensors = new Map(contents.tensors);
  if (active !== null) tensors.set("vocabulary", fromInt32([active.length], active));
  const { origin } = contents;
  if (origin?.tokenizer != null) {
    const text = new TextEncoder().encode(origin.tokenizer.json);
    tensors.set("tokenizer", fromUint8([text.length], text));
  }
  const metadata: Record<string, string> = { format: FORMAT, version: VERSION };
  for (const part of PARTS) {
    metadata[part] = canonicalJson(part === "vocabulary" ? vocabulary : contents[part]);
  }
  if (origin !== undefined) {
    const { json: _, ...ids } = origin.tokenizer ?? { json: "" };
    metadata["origin"] = canonicalJson({ ...origin, tokenizer: origin.tokenizer && ids });
  }
  metadata["digest"] = digestOf(tensors, metadata);
  return encodeSafetensors(tensors, metadata);
}

/** JSON with the keys of objects in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Sha256 of tensors and metadata in a file of ours, its own entry `digest` excepted; in hex. */
export function digestOf(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): string {
  const hash = createHash("sha256");
  for (const key of Object.keys(metadata).sort()) {
    if (key !== "digest") hash.update(JSON.stringify([key, metadata[key]]));
  }
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    hash.update(JSON.stringify([name, dtype, shape])).update(data);
  }
  return hash.digest("hex");
}

/**
 * Reads a checkpoint; its tensors are views of the file's bytes. Throws a `UserError`: that of the
 * safetensors reader, or E0721 to E0724.
 */
export function readCheckpoint(path: string): Checkpoint {
  const file = readSafetensors(path);
  const { metadata } = file;
  if (metadata["format"] !== FORMAT) {
    throw new UserError(foreignCheckpoint(path, file.tensors.size, Object.keys(metadata)));
  }
  if (metadata["version"] !== VERSION) {
    throw new UserError(checkpointVersion(path, metadata["version"] ?? "unknown", VERSION));
  }
  if (metadata["digest"] !== digestOf(file.tensors, metadata)) {
    throw new UserError(checkpointDigest(path));
  }
  return parseParts(path, file);
}

function parseParts(path: string, { tensors, metadata }: Safetensors): Checkpoint {
  const damaged = (what: string): never => {
    throw new UserError(checkpointDamaged(path, what));
  };
  const parts = new Map<string, Record<string, unknown>>();
  for (const part of [...PARTS, "origin"] as const) {
    const text = metadata[part];
    if (text === undefined && part === "origin") continue;
    if (text === undefined) return damaged(`it does not say \`${part}\``);
    const value = parseJson(text);
    if (!isObject(value)) return damaged(`its \`${part}\` is not a JSON object`);
    for (const [field, fits] of Object.entries(FIELDS[part])) {
      if (!fits(value[field])) damaged(`\`${field}\` of its \`${part}\` makes no sense`);
    }
    parts.set(part, value);
  }
  const get = <T>(part: string) => parts.get(part) as unknown as T;
  const vocabulary = get<Omit<Vocabulary, "active">>("vocabulary");
  const table = tensors.get("vocabulary");
  const active = table === undefined ? null : toInt32(table, "vocabulary");
  if (!isVocabulary(vocabulary, active)) damaged("its vocabulary makes no sense");
  return {
    path,
    model: get<CheckpointModel>("model"),
    vocabulary: { ...vocabulary, active },
    data: get<CheckpointData>("data"),
    settings: withOlderDefaults(get<Partial<TrainSettings>>("settings")),
    state: get<TrainState>("state"),
    tensors: new Map(
      [...tensors].filter(([name]) => name !== "vocabulary" && name !== "tokenizer"),
    ),
    ...(parts.has("origin") ? { origin: originOf(get("origin"), tensors.get("tokenizer")) } : {}),
  };
}

/** The text of a tokenizer is a tensor, as it is long. */
function originOf(
  origin: Omit<CheckpointOrigin, "tokenizer"> & { readonly tokenizer: SpecialIds | null },
  text: Tensor | undefined,
): CheckpointOrigin {
  const json = text === undefined ? undefined : new TextDecoder().decode(text.data);
  const { tokenizer: ids } = origin;
  return { ...origin, tokenizer: ids === null || json === undefined ? null : { json, ...ids } };
}

type SpecialIds = Omit<TokenizerData, "json">;

/** Full ids rise, are below the full size, and are one fewer than the rows. */
export function isVocabulary(
  { full, size }: Omit<Vocabulary, "active">,
  active: Int32Array | null,
): boolean {
  if (active === null) return size === full;
  const rises = active.every((id, i) => id > (i === 0 ? -1 : active[i - 1]!));
  return rises && active.length === size - 1 && (active[active.length - 1] ?? 0) < full;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Fits = (value: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText: Fits = (value) => typeof value === "string";
const isNumber: Fits = (value) => typeof value === "number" && Number.isFinite(value);
const isFlag: Fits = (value) => typeof value === "boolean";
const isWhole: Fits = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const optional =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || fits(value);
const orNull =
  (fits: Fits): Fits =>
  (value) =>
    value === null || fits(value);
const object =
  (fields: Readonly<Record<string, Fits>>): Fits =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, fits]) => fits(value[name]));

const isOneOf =
  (words: readonly string[]): Fits =>
  (value) =>
    words.some((word) => word === value);
const isHalf: Fits = (value) => isWhole(value) && (value as number) < 2 ** 24;
const isRandom = object({ hi: isHalf, lo: isHalf });
const isScale: Fits = (value) => isNumber(value) && (value as number) > 0;
const isProductScale = orNull(object({ exponent: Number.isSafeInteger, operand: isWhole }));
const isEngine = object({
  choice: object({ fusion: isText, ane: isText, layout: optional(isText) }),
  ...{ lossScale: isScale, found: isScale, fitting: isWhole },
  programs: (value) =>
    isObject(value) &&
    Object.values(value).every((list) => Array.isArray(list) && list.every(isProductScale)),
});
const isScore = orNull(object({ step: isWhole, loss: isNumber }));

const FIELDS: Readonly<Record<(typeof PARTS)[number] | "origin", Readonly<Record<string, Fits>>>> =
  {
    origin: {
      name: isText,
      context: isWhole,
      training: orNull(isObject),
      tokenizer: orNull(isTokenizerIds),
    },
    model: {
      source: object({ path: isText, text: isText }),
      entry: isText,
      overrides: (value) => isObject(value) && Object.values(value).every(isNumber),
    },
    vocabulary: { dim: orNull(isText), full: isWhole, size: isWhole },
    data: {
      name: isText,
      tokens: isWhole,
      digest: isText,
      tokenizer: orNull(isText),
      bytesPerToken: orNull(isNumber),
    },
    settings: {
      ...{
        steps: orNull(isWhole),
        accum: isWhole,
        batch: optional(isWhole),
        warmup: isWhole,
        seed: isWhole,
        valEvery: isWhole,
      },
      ...{ lr: isNumber, clip: isNumber, wd: isNumber, beta1: isNumber, beta2: isNumber },
      compact: isFlag,
      compat: orNull(isOneOf(compatNames)),
      ...{
        optimizer: optional(isOneOf(optimizerNames)),
        schedule: optional(isOneOf(scheduleNames)),
      },
      clock: optional(isOneOf(["updates", "micro_steps"])),
      ...{ lrMatrix: optional(isNumber), lrEmbed: optional(isNumber), lrNorm: optional(isNumber) },
      ...{ minLr: optional(isNumber), cooldown: optional(isNumber), sanitize: optional(isFlag) },
      ...{ wdEmbed: optional(isNumber), wdNorm: optional(isNumber) },
      lossScale: optional(orNull(isScale)),
      ...{ adaptive: optional(isNumber), adaptiveWindow: optional(isWhole) },
    },
    state: {
      ...{ step: isWhole, updates: isWhole, random: isRandom, lastLoss: orNull(isNumber) },
      group: object({
        count: isWhole,
        loss: isNumber,
        scale: optional(isScale),
        isRepeated: optional(isFlag),
        before: object({ random: isRandom, lastLoss: orNull(isNumber) }),
      }),
      validation: object({ last: isScore, best: isScore }),
      engine: optional(isEngine),
      adaptive: optional(object({ above: isWhole, isOff: isFlag })),
    },
  };
