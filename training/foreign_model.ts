/**
 * Weights of other programs as checkpoints of ours, and back, bit for bit.
 *
 *   theirs   [outputs, inputs], rows of queries and keys in split halves
 *   ours     [inputs, outputs], in the order that the model's `rope` pairs
 *
 * A checkpoint can go to other programs if its equations are those of a family. That is decided by writing
 * the family's model with the checkpoint's dimensions and comparing the graphs.
 */
import { type Graph, leafName, nodesOf } from "../compiler/ir/graph.ts";
import { printGraph } from "../compiler/ir/print.ts";
import {
  compactedVocabulary,
  expandedVocabulary,
  notOfAFamily,
  tokenizerLeftOut,
  vocabularyCut,
} from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { elaborate } from "../dsl/index.ts";
import { castTensor } from "../formats/cast.ts";
import type { ReadOptions } from "../formats/format.ts";
import { interleaveRows, splitRows } from "../formats/rotary_order.ts";
import { fromFloat32, madeTensor, type Tensor, toFloat32 } from "../formats/tensor.ts";
import { cutTokenizer } from "../formats/tokenizer_cut.ts";
import { tokenizerId } from "../formats/tokenizer_json.ts";
import { namedTokenizerData } from "../formats/tokenizer_named.ts";
import type { TokenizerData, TransformerConfig, WeightSet } from "../formats/weights.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import {
  architectureSource,
  type Correspondence,
  correspondences,
  familyOfParams,
  identifierOf,
  type Pairing,
} from "./architecture.ts";
import type { Checkpoint, CheckpointContents, TrainState } from "./checkpoint.ts";
import { floatsOf, modelOf } from "./checkpoint_model.ts";
import { logitsGraph } from "./decoder.ts";
import type { TrainingModel } from "./model.ts";
import { defaultSettings } from "./options.ts";
import { buffers } from "./programs.ts";
import { createRandom } from "./random.ts";
import { rowOfId } from "./vocabulary.ts";

export interface ForeignOptions {
  /** Tokens of a window of the model. Default: the longest sequence, at most `WINDOW`. */
  readonly S?: number;
  readonly pairing?: Pairing;
}

/** Tokens of a window unless asked for: what models that come with anec have. */
export const WINDOW = 256;

/** The contents of a checkpoint with these weights: a model to generate from, and a start for training. */
export function checkpointOf(weights: WeightSet, options: ForeignOptions = {}): CheckpointContents {
  const { config, training, name, tokenizer } = weights;
  const { pairing = "interleaved" } = options;
  const S = options.S ?? Math.min(config.context, WINDOW);
  const entry = identifierOf(name);
  const comment = [`${name}, converted.`];
  const source = architectureSource(entry, config, { S, pairing, comment });
  const rows = config.vocabulary;
  const id = tokenizer === null ? null : tokenizerId(tokenizer.json);
  return {
    model: { source, entry, overrides: {} },
    vocabulary: { dim: "V", full: rows, size: rows, active: null },
    data: { name: "none", tokens: 0, digest: "", tokenizer: id, bytesPerToken: null },
    settings: { ...defaultSettings, compact: false },
    state: stateOf(weights),
    tensors: ownTensors(weights, pairing),
    origin: { name, context: config.context, training, tokenizer },
  };
}

function stateOf({ training }: WeightSet): TrainState {
  const random = createRandom(defaultSettings.seed).state();
  return {
    step: training?.step ?? 0,
    updates: training?.adamT ?? 0,
    ...{ random, lastLoss: null },
    group: { count: 0, loss: 0, before: { random, lastLoss: null } },
    validation: { last: null, best: null },
  };
}

function ownTensors(weights: WeightSet, pairing: Pairing): Map<string, Tensor> {
  const { config, optimizer } = weights;
  const result = new Map<string, Tensor>();
  for (const each of correspondences(config)) {
    const own = each.isTransposed ? each.shape.toReversed() : each.shape;
    // Made when it is asked for, so that a model is held as its file has it and not twice.
    const convert = (tensor: Tensor): Tensor => {
      const castOf = each.isTransposed || each.isRotary ? undefined : tensor;
      return madeTensor("F32", own, () => ownTensor(tensor, each, config, pairing), castOf);
    };
    result.set(paramStorage(each.param), convert(weights.tensors.get(each.tensor)!));
    if (optimizer === null) continue;
    result.set(buffers.first(each.param), convert(optimizer.first.get(each.tensor)!));
    result.set(buffers.second(each.param), convert(optimizer.second.get(each.tensor)!));
  }
  return result;
}

/** A tensor of theirs, or of the shape of its outputs, as ours. */
export function ownTensor(
  theirs: Tensor,
  { tensor, isRotary, isTransposed }: Pick<Correspondence, "tensor" | "isRotary" | "isTransposed">,
  { headSize }: Pick<TransformerConfig, "headSize">,
  pairing: Pairing = "interleaved",
): Tensor {
  const full = castTensor(theirs, "F32", tensor);
  const moves = isRotary && pairing === "interleaved";
  const ordered = moves ? interleaveRows(full, headSize) : full;
  return isTransposed ? transposed(ordered) : ordered;
}

/** Rows and columns of the square that is moved at once, so that both sides stay in the cache. */
const TILE = 32;

/** A matrix with rows and columns exchanged. A copy. */
function transposed(tensor: Tensor): Tensor {
  const [rows, columns] = tensor.shape as [number, number];
  const from = toFloat32(tensor);
  const to = new Float32Array(from.length);
  for (let top = 0; top < rows; top += TILE) {
    for (let left = 0; left < columns; left += TILE) {
      const [bottom, right] = [Math.min(rows, top + TILE), Math.min(columns, left + TILE)];
      for (let r = top; r < bottom; r++) {
        for (let c = left; c < right; c++) to[c * rows + r] = from[r * columns + c]!;
      }
    }
  }
  return fromFloat32([columns, rows], to);
}

/**
 * The weights of a checkpoint. Throws a `UserError`: E0753 for equations of no family, E0754 for rows of some ids
 * only without `expand` where the tokenizer cannot be cut, those of checkpoints.
 */
export function weightsOf(checkpoint: Checkpoint, options: ReadOptions = {}): WeightSet {
  const model = modelOf(checkpoint);
  const { config, pairing } = describe(checkpoint, model);
  const { origin } = checkpoint;
  const { name: named, data } = checkpointTokenizer(checkpoint);
  const { rows, count, tokenizer } = writtenRows(checkpoint, data, options);
  if (named !== null && tokenizer === null) {
    options.report?.(tokenizerLeftOut(checkpoint.path, named));
  }
  const read = (storage: (path: string) => string): Map<string, Tensor> =>
    new Map(
      correspondences(config).map((each) => [
        each.tensor,
        theirTensor(checkpoint, storage(each.param), each, { config, pairing, rows }),
      ]),
    );
  const hasMoments = checkpoint.tensors.has(buffers.first("embed.weight"));
  return {
    name: origin?.name ?? checkpoint.model.entry,
    config: { ...config, vocabulary: count },
    tensors: read(paramStorage),
    tokenizer,
    training: trainingOf(checkpoint, model.S),
    optimizer: hasMoments ? { first: read(buffers.first), second: read(buffers.second) } : null,
  };
}

/** The name that a checkpoint gives its tokenizer, and what is known of it. */
function checkpointTokenizer({ data, origin }: Checkpoint) {
  return { name: data.tokenizer, data: origin?.tokenizer ?? namedTokenizerData(data.tokenizer) };
}

/** The rows that a table of ids is written with. */
interface WrittenRows {
  /** The row of the checkpoint for each, −1 for zeros; null: as they are. */
  readonly rows: Int32Array | null;
  readonly count: number;
  readonly tokenizer: TokenizerData | null;
}

/** Rows for every id, or for those that training saw with a tokenizer of these. Throws a `UserError` (E0754). */
function writtenRows(
  { path, vocabulary }: Checkpoint,
  tokenizer: TokenizerData | null,
  { expand = false, cut = false, report }: ReadOptions,
): WrittenRows {
  const { active, full, size } = vocabulary;
  if (active === null) return { rows: null, count: full, tokenizer };
  if (expand) {
    report?.(expandedVocabulary(active.length, full));
    const rows = new Int32Array(full).fill(-1);
    for (const [row, id] of active.entries()) rows[id] = row;
    return { rows, count: full, tokenizer };
  }
  const less = cut && tokenizer !== null ? cutTokenizer(tokenizer, active) : null;
  if (less === null) throw new UserError(compactedVocabulary(path, size, full));
  const count = less.ids.length;
  if (count < full) report?.(vocabularyCut(count, active.length, full));
  const rowOf = rowOfId(vocabulary)!;
  return { rows: less.ids.map(rowOf), count, tokenizer: less.tokenizer };
}

interface Writing extends Description {
  readonly rows: Int32Array | null;
}

function theirTensor(
  checkpoint: Checkpoint,
  name: string,
  { shape, isTransposed, isRotary, param }: Correspondence,
  { config: { headSize }, pairing, rows }: Writing,
): Tensor {
  const own = isTransposed ? [...shape].reverse() : shape;
  // A view of the file's bytes; what is made of it is made when it is asked for.
  const tensor = fromFloat32(own, floatsOf(checkpoint, name, own));
  if (param === "embed.weight" || param === "head") return withRowsOf(tensor, rows);
  const isMoved = isRotary && pairing === "interleaved";
  if (!isTransposed && !isMoved) return tensor;
  return madeTensor("F32", shape, () => {
    const turned = isTransposed ? transposed(tensor) : tensor;
    return isMoved ? splitRows(turned, headSize) : turned;
  });
}

/** A table of these rows of another; −1 is a row of zeros. */
function withRowsOf(table: Tensor, rows: Int32Array | null): Tensor {
  if (rows === null) return table;
  const columns = table.shape[1]!;
  const shape = [rows.length, columns];
  return madeTensor("F32", shape, () => {
    const from = toFloat32(table);
    const all = new Float32Array(rows.length * columns);
    for (const [i, row] of rows.entries()) {
      if (row >= 0) all.set(from.subarray(row * columns, (row + 1) * columns), i * columns);
    }
    return fromFloat32(shape, all);
  });
}

/** What the file said that it came from, if nothing was trained since; else what this run says. */
function trainingOf({ origin, state, settings }: Checkpoint, S: number): WeightSet["training"] {
  const { step, updates } = state;
  const before = origin?.training ?? null;
  if (before !== null && before.step === step && before.adamT === updates) return before;
  if (step === 0) return null;
  return {
    ...{ step, totalSteps: settings.steps ?? step, lr: settings.lr, loss: state.lastLoss ?? 0 },
    ...{ cumTrain: 0, cumWall: 0, cumSteps: step, adamT: updates },
    ...(S === (origin?.context ?? S) ? {} : { seqLen: S }),
  };
}

interface Description {
  readonly config: TransformerConfig;
  readonly pairing: Pairing;
}

const DIMS = ["S", "D", "H", "K", "E", "F", "V", "L"] as const;

/** The numbers of the model, once its equations are known to be those of a family. */
function describe(checkpoint: Checkpoint, model: TrainingModel): Description {
  const fail = (what: string): never => {
    throw new UserError(notOfAFamily(checkpoint.path, what));
  };
  const { dims, hyper } = model.elaborated;
  const paths = model.graph.params.map(leafName);
  const family = familyOfParams(paths);
  if (family === undefined) return fail("It is not made of the blocks of one of the families.");
  const missing = DIMS.find((name) => !dims.has(name));
  if (missing !== undefined) return fail(`It has no dimension \`${missing}\`.`);
  const [S, width, heads, kvHeads, headSize, hidden, vocabulary, layers] = DIMS.map(
    (name) => dims.get(name)!,
  ) as [number, number, number, number, number, number, number, number];
  const config: TransformerConfig = {
    ...{ family, layers, width, heads, kvHeads, headSize, hidden, vocabulary },
    context: checkpoint.origin?.context ?? S,
    ropeTheta: hyper.get("rope_theta")!,
    normEps: hyper.get("norm_eps")!,
    residualScale: hyper.get("residual_scale")!,
    tied: !paths.includes("head"),
  };
  const graph = logitsGraph(model.elaborated, model.entry);
  const pairing = pairingOf(graph);
  const name = identifierOf(model.entry);
  const standard = elaborate(architectureSource(name, config, { S, pairing }));
  if (equationsOf(graph) !== equationsOf(logitsGraph(standard, name))) {
    return fail(`Its blocks are named like those of ${family}, but its equations are others.`);
  }
  return { config, pairing };
}

function pairingOf(graph: Graph): Pairing {
  const rope = nodesOf(graph).find((node) => node.op.name === "rope");
  return rope?.attrs["pairing"] === "split" ? "split" : "interleaved";
}

/** A graph as text without the names of entry and inputs, and without initial values. */
export function equationsOf(graph: Graph): string {
  const text = printGraph(graph)
    .replace(/^graph \w+/, "graph")
    .replaceAll(/ \{init: "[^"]*"\}/g, "")
    .replaceAll(/ +:/g, " :");
  const names = new Map(graph.inputs.map((x, i) => [`%${leafName(x)}`, `%in${i}`]));
  return text.replaceAll(/%[\w.]+/g, (name) => names.get(name) ?? name);
}
