/**
 * BLZT, the checkpoints of AutoANE: read into the neutral form of weights.ts and written from it.
 *
 * Weights are fp32 in the orientation of Hugging Face; the rows of queries and keys pair (2i, 2i + 1) and are
 * put into the neutral order on the way in. Moments of Adam go with their weights; moments that are zero
 * throughout, as converters and MeZO write them, are none. Tensors are read and written one by one.
 *
 * Version 4 is written. Version 2 is read where its size and fields tell which program wrote it.
 */
import { createHash } from "node:crypto";
import {
  blztAssumed,
  blztCannotHold,
  blztNoRotary,
  blztSidecarStale,
} from "../compiler/messages/blzt.ts";
import { invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type BlztDefaults, blztDefaults } from "./blzt_defaults.ts";
import {
  BLZT_HEADER,
  type BlztHeader,
  type BlztLayout,
  type BlztOrigin,
  type BlztSection,
  encodeBlztHeader,
  isBlzt,
  readBlztLayout,
  sectionsOf,
} from "./blzt_layout.ts";
import {
  type BlztSidecar,
  readBlztSidecar,
  sidecarPath,
  writeBlztSidecar,
} from "./blzt_sidecar.ts";
import { castTensor } from "./cast.ts";
import { digestOfFile, type OpenFile, withOpenFile } from "./file_reader.ts";
import { writeFileBytes } from "./files.ts";
import type { Format, ReadOptions } from "./format.ts";
import { interleaveRows, splitRows } from "./rotary_order.ts";
import type { Tensor } from "./tensor.ts";
import {
  expectedTensors,
  type OptimizerState,
  type TransformerConfig,
  type WeightSet,
} from "./weights.ts";

export interface BlztReadOptions extends ReadOptions {
  /** Whether to read the moments of Adam. Default: they are. */
  readonly optimizer?: boolean;
}

/** The header of a file, and where its tensors are. Throws a `UserError` (E0770 to E0774, E0702 to E0707). */
export function inspectBlzt(path: string, origin?: BlztOrigin): BlztLayout {
  return withOpenFile(path, (file) => layoutOf(file, origin));
}

function layoutOf(file: OpenFile, origin: BlztOrigin | undefined): BlztLayout {
  const head = file.read(0, Math.min(file.size, BLZT_HEADER));
  return readBlztLayout(file.path, head, file.size, origin);
}

/** Reads a checkpoint. Throws a `UserError` (E0770 to E0778, E0702 to E0707). */
export function readBlzt(path: string, options: BlztReadOptions = {}): WeightSet {
  return withOpenFile(path, (file) => {
    const layout = layoutOf(file, options.blztOrigin);
    if (layout.origin === "fiale") throw new UserError(blztNoRotary(path));
    const sidecar = readBlztSidecar(path);
    if (sidecar !== undefined && digestOfFile(file) !== sidecar.sha256) {
      throw new UserError(blztSidecarStale(path, sidecarPath(path)));
    }
    const known = sidecar ?? blztDefaults(layout.header, layout.origin, options);
    if (sidecar === undefined) warn(path, options, known);
    const config = configOf(layout.header, sidecar, options, known);
    const { headSize } = layout.header;
    const readPart = (part: BlztSection["part"]): Map<string, Tensor> =>
      new Map(
        layout.sections
          .filter((s) => s.part === part)
          .map((s) => [s.name, readSection(file, s, headSize)]),
      );
    const weights = readPart("weight");
    const tensors = [...expectedTensors(config).keys()].map((name): [string, Tensor] => {
      const tensor = weights.get(name);
      invariant(tensor !== undefined, `the layout of BLZT has no ${name}`);
      // The type it had before it became fp32: no value changes.
      return [name, castTensor(tensor, sidecar?.dtypes[name] ?? "F32", name)];
    });
    const withMoments = layout.complete && options.optimizer !== false;
    return {
      name: known.name,
      config,
      tensors: new Map(tensors),
      tokenizer: sidecar?.tokenizer ?? null,
      training: trainingOf(layout.header, config),
      optimizer: withMoments && hasMoments(file, layout) ? momentsOf(readPart) : null,
    };
  });
}

function warn(path: string, options: ReadOptions, known: BlztDefaults): void {
  const assumed: string[] = [];
  if (options.ropeTheta === undefined) assumed.push(`rope base ${known.ropeTheta}`);
  if (options.residualScale === undefined) {
    assumed.push(`residual scale ${Number(known.residualScale.toPrecision(6))}`);
  }
  if (assumed.length > 0) options.report?.(blztAssumed(path, assumed));
}

function configOf(
  h: BlztHeader,
  sidecar: BlztSidecar | undefined,
  options: ReadOptions,
  known: BlztDefaults,
): TransformerConfig {
  return {
    family: "llama",
    layers: h.layers,
    width: h.width,
    heads: h.heads,
    kvHeads: h.kvHeads,
    headSize: h.headSize,
    hidden: h.hidden,
    vocabulary: h.vocabulary,
    context: sidecar?.context ?? h.sequence,
    ropeTheta: options.ropeTheta ?? known.ropeTheta,
    normEps: options.normEps ?? known.normEps,
    residualScale: options.residualScale ?? known.residualScale,
    tied: true,
  };
}

function trainingOf(h: BlztHeader, config: TransformerConfig): WeightSet["training"] {
  const { step, totalSteps, lr, loss, cumTrain, cumWall, cumSteps, adamT } = h;
  return {
    ...{ step, totalSteps, lr, loss, cumTrain, cumWall, cumSteps, adamT },
    ...(h.cumCompile === 0 ? {} : { cumCompile: h.cumCompile }),
    ...(h.cumBatches === 0 ? {} : { cumBatches: h.cumBatches }),
    ...(h.sequence === config.context ? {} : { seqLen: h.sequence }),
  };
}

/** In the neutral order of rows. */
function readSection(file: OpenFile, section: BlztSection, headSize: number): Tensor {
  const data = file.read(section.offset, section.bytes);
  const tensor: Tensor = { dtype: "F32", shape: section.shape, data };
  return isRotated(section.name) ? splitRows(tensor, headSize) : tensor;
}

function isRotated(name: string): boolean {
  return name.endsWith("self_attn.q_proj.weight") || name.endsWith("self_attn.k_proj.weight");
}

function momentsOf(read: (part: BlztSection["part"]) => Map<string, Tensor>): OptimizerState {
  return { first: read("first"), second: read("second") };
}

const ZEROS = new Uint8Array(1 << 20);

/** Whether a moment is anything but zeros; none of them is kept. */
function hasMoments(file: OpenFile, { sections }: BlztLayout): boolean {
  return sections.some(({ part, offset, bytes }) => {
    if (part === "weight") return false;
    for (let at = 0; at < bytes; at += ZEROS.length) {
      const piece = file.read(offset + at, Math.min(ZEROS.length, bytes - at));
      if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) return true;
    }
    return false;
  });
}

/**
 * Writes a checkpoint of version 4 and the JSON file beside it, each whole or not at all. Throws a
 * `UserError`: E0776 for a model that the format cannot hold, E0701 to E0707.
 */
export function writeBlzt(path: string, set: WeightSet): void {
  const hash = createHash("sha256");
  const digested = function* (): Generator<Uint8Array> {
    for (const chunk of encodeBlzt(set, path)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  writeFileBytes(path, digested());
  const { ropeTheta, normEps, residualScale, context } = set.config;
  const dtypes: Record<string, "F16" | "BF16"> = {};
  for (const [name, { dtype }] of set.tensors) {
    if (dtype === "F16" || dtype === "BF16") dtypes[name] = dtype;
  }
  writeBlztSidecar(path, {
    ...{ sha256: hash.digest("hex"), name: set.name, ropeTheta, normEps, residualScale },
    ...{ context, dtypes, tokenizer: set.tokenizer },
  });
}

/** The bytes of a checkpoint, tensor by tensor. Throws a `UserError` (E0776) before the first. */
export function encodeBlzt(set: WeightSet, path = set.name): Iterable<Uint8Array> {
  refuse(path, set);
  const header = headerOf(set);
  const { first, second } = set.optimizer ?? {};
  const sources = { weight: set.tensors, first, second };
  return (function* (): Generator<Uint8Array> {
    yield encodeBlztHeader(header);
    for (const { name, part, shape, bytes } of sectionsOf(header, "autoane")) {
      const source = sources[part];
      if (source === undefined) {
        yield* zeros(bytes);
        continue;
      }
      const tensor = source.get(name);
      invariant(
        tensor !== undefined && String(tensor.shape) === String(shape),
        `${name} of ${set.name} is not [${shape}]`,
      );
      const plain = castTensor(tensor, "F32", name);
      yield (isRotated(name) ? interleaveRows(plain, header.headSize) : plain).data;
    }
  })();
}

function* zeros(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

/** What the format has no place for. */
function refuse(path: string, { config, name, tensors }: WeightSet): void {
  const fail = (what: string): never => {
    throw new UserError(blztCannotHold(path, name, what));
  };
  const expected = expectedTensors({ ...config, family: "llama", tied: true });
  for (const tensor of tensors.keys()) if (!expected.has(tensor)) fail(`the tensor \`${tensor}\``);
  if (config.headSize % 2 !== 0) fail(`heads of ${config.headSize} elements`);
}

/** A converted file is one that no run has written yet; its window is at most that of AutoANE's models. */
const CONVERTED = { step: 0, totalSteps: 10_000, lr: 3e-4, loss: 0, adamT: 0 } as const;
const CONVERTED_SEQUENCE = 256;

function headerOf({ config, training }: WeightSet): BlztHeader {
  const { layers, width, heads, kvHeads, headSize, hidden, vocabulary, context } = config;
  const clock = { cumCompile: 0, cumTrain: 0, cumWall: 0, cumSteps: 0, cumBatches: 0 };
  const { seqLen, ...known } = training ?? {};
  const plain = training === null ? Math.min(context, CONVERTED_SEQUENCE) : context;
  return {
    ...{ ...CONVERTED, ...clock, ...known, version: 4 },
    ...{ layers, vocabulary, width, hidden, heads, kvHeads, headSize },
    ...{ sequence: seqLen ?? plain, qWidth: heads * headSize },
  };
}

/** As an entry of the list of formats. */
export const blztFormat: Format = {
  name: "blzt",
  doc: "blzt: a checkpoint of AutoANE and the programs it comes from (.bin, .blzt)",
  extensions: [".blzt", ".bin"],
  dtypes: ["f32"],
  keeps: {
    residualScale: true,
    optimizer: true,
    training: true,
    tokenizer: true,
    anyVocabulary: false,
  },
  detect: ({ head }) => isBlzt(head),
  read: readBlzt,
  write: (path, weights) => writeBlzt(path, weights),
};
