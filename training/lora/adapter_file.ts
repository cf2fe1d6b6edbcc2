/**
 * Adapters in a file of their own: what a run has trained, without the weights that it left as they are.
 *
 *   tensors    param.PATH of A and B of every adapter, and of norms if they were trained; vocabulary: full id of
 *              every row of the run's tables, if compacted
 *   metadata   format, version, digest of all else; base, lora and vocabulary: each a JSON object
 *
 * `base` has a digest of the frozen weights as the run had them, so that the adapters are never put beside others.
 * Rows of a table that the run had not are no part of it: a model may come with all its rows.
 */
import { createHash } from "node:crypto";
import { isTrained, leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { unknownTensor } from "../../compiler/messages/checkpoints.ts";
import {
  adaptersOfNoFile,
  adaptersStale,
  noAdapters,
  notAdapters,
} from "../../compiler/messages/fine_tuning.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { isObject } from "../../formats/json_keys.ts";
import { encodeSafetensors, readSafetensors } from "../../formats/safetensors.ts";
import { fromFloat32, fromInt32, type Tensor, toInt32 } from "../../formats/tensor.ts";
import type { Lora } from "../../passes/lora.ts";
import { paramStorage } from "../../passes/lower_to_host.ts";
import { type Checkpoint, canonicalJson, digestOf, isVocabulary } from "../checkpoint.ts";
import { floatsOf, modelOf } from "../checkpoint_model.ts";
import { valuesFrom } from "../initial_weights.ts";
import { readModel, type TrainingModel, withRows } from "../model.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The adapters of a run, and which weights they belong to. */
export interface AdapterFile {
  readonly path: string;
  readonly lora: Lora;
  /** The rows that the run had. */
  readonly vocabulary: Vocabulary;
  /** The entry of the run's model, and the sha256 of its frozen weights in hex. */
  readonly base: { readonly name: string; readonly digest: string };
  /** By `param.PATH`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const FORMAT = "anec adapters";
const VERSION = "1";

/**
 * Writes the adapters of a checkpoint, and the norms that were trained beside them; answers the numbers written.
 * Throws a `UserError`: E0942 for a checkpoint without adapters, E0945 where no file has the weights they belong
 * to, E0726 and E0727 for tensors that are not its model's, E0701 to E0707.
 */
export function saveAdapters(path: string, checkpoint: Checkpoint): number {
  const { lora } = checkpoint.model;
  if (lora === undefined) throw new UserError(noAdapters(checkpoint.path));
  if (lora.unmerged === true) throw new UserError(adaptersOfNoFile(checkpoint.path));
  const model = modelOf(checkpoint);
  const { active, ...vocabulary } = checkpoint.vocabulary;
  const tensors = new Map<string, Tensor>();
  let numbers = 0;
  for (const param of model.graph.params.filter(isTrained)) {
    const [name, shape] = [paramStorage(leafName(param)), sizesOf(param.type.shape)];
    const values = floatsOf(checkpoint, name, shape);
    numbers += values.length;
    tensors.set(name, fromFloat32(shape, values));
  }
  if (active !== null) tensors.set("vocabulary", fromInt32([active.length], active));
  const digest = digestOfBase(checkpoint, model, checkpoint.vocabulary);
  const metadata: Record<string, string> = {
    ...{ format: FORMAT, version: VERSION, lora: canonicalJson(lora) },
    base: canonicalJson({ name: model.entry, digest }),
    vocabulary: canonicalJson(vocabulary),
  };
  metadata["digest"] = digestOf(tensors, metadata);
  writeFileBytes(path, encodeSafetensors(tensors, metadata));
  return numbers;
}

/** Sha256 of hyper-parameters and of everything frozen, in the order of the graph; of tables the rows of a run. */
function digestOfBase(base: Checkpoint, model: TrainingModel, vocabulary: Vocabulary): string {
  const hash = createHash("sha256");
  hash.update(canonicalJson(Object.fromEntries(model.elaborated.hyper)));
  for (const param of model.graph.params) {
    if (isTrained(param)) continue;
    const { buffer, byteOffset, byteLength } = valuesFrom(base, param, vocabulary);
    hash.update(JSON.stringify([leafName(param), sizesOf(param.type.shape)]));
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** Reads a file of adapters. Throws a `UserError`: E0943, those of the safetensors reader. */
export function readAdapters(path: string): AdapterFile {
  const { tensors, metadata } = readSafetensors(path);
  const fail = (what: string): never => {
    throw new UserError(notAdapters(path, what));
  };
  if (metadata["format"] !== FORMAT) fail(`its \`format\` is not "${FORMAT}"`);
  if (metadata["version"] !== VERSION) fail(`its \`version\` is not ${VERSION}`);
  if (metadata["digest"] !== digestOf(tensors, metadata)) fail("its digest is another one");
  const part = (name: string): Record<string, unknown> => {
    const value = jsonOf(metadata[name]);
    return isObject(value) ? value : fail(`its \`${name}\` is not a JSON object`);
  };
  const lora = part("lora");
  if (!isLora(lora)) return fail("its `lora` makes no sense");
  const { name, digest } = part("base");
  if (typeof name !== "string" || typeof digest !== "string") {
    return fail("its `base` makes no sense");
  }
  const { dim, full, size } = part("vocabulary");
  const table = tensors.get("vocabulary");
  const active = table === undefined ? null : toInt32(table, "vocabulary");
  if (
    !(dim === null || typeof dim === "string") ||
    typeof full !== "number" ||
    typeof size !== "number" ||
    !isVocabulary({ dim, full, size }, active)
  ) {
    return fail("its `vocabulary` makes no sense");
  }
  return {
    ...{ path, lora, vocabulary: { dim, full, size, active }, base: { name, digest } },
    tensors: new Map([...tensors].filter(([tensor]) => tensor !== "vocabulary")),
  };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isLora(value: object): value is Lora {
  const { rank, scale, targets, norms } = value as Partial<Lora>;
  return (
    Number.isSafeInteger(rank) &&
    rank! > 0 &&
    Number.isFinite(scale) &&
    typeof norms === "boolean" &&
    Array.isArray(targets) &&
    targets.every((target) => typeof target === "string")
  );
}

/**
 * A model with adapters beside its weights, as a checkpoint of a run has them. Throws a `UserError`: E0944 for
 * other weights than those the adapters were trained beside, E0726 to E0728 for adapters of other weights, E0940.
 */
export function withAdapters(base: Checkpoint, file: AdapterFile): Checkpoint {
  const { lora, vocabulary } = file;
  const { origin } = base;
  const stale = adaptersStale(file.path, base.path, file.base.name);
  const { dim, full } = base.vocabulary;
  // A run has the ids of the model that it began with.
  if (vocabulary.dim !== dim || vocabulary.full !== full) throw new UserError(stale);
  const model = { ...base.model, lora };
  const asTrained = withRows(
    readModel({ ...model, ...(origin && { origin }) }),
    vocabulary.dim,
    vocabulary.size,
  );
  if (digestOfBase(base, asTrained, vocabulary) !== file.base.digest) {
    throw new UserError(stale);
  }
  const { params } = asTrained.graph;
  const tensors = new Map<string, Tensor>();
  for (const param of params) {
    const name = paramStorage(leafName(param));
    const shape = sizesOf(param.type.shape);
    if (!isTrained(param)) tensors.set(name, base.tensors.get(name)!);
    else tensors.set(name, fromFloat32(shape, floatsOf({ ...base, ...file }, name, shape)));
  }
  const other = [...file.tensors.keys()].find((name) => !tensors.has(name));
  if (other !== undefined) throw new UserError(unknownTensor(file.path, other));
  return { ...base, model, tensors };
}
