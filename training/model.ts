/** The `train` of a file that is to be run, and what training must know of it. */
import { type Graph, isParam, leafName, nodesOf } from "../compiler/ir/graph.ts";
import { originOf } from "../compiler/ir/node.ts";
import { type Dim, elementCount, sameShape, shapeName } from "../compiler/ir/types.ts";
import { noLoraTarget } from "../compiler/messages/fine_tuning.ts";
import {
  noTrainEntry,
  severalTrainEntries,
  trainArguments,
} from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { type Elaborated, elaborate } from "../dsl/index.ts";
import { DTYPE_BYTES } from "../formats/tensor.ts";
import { adapterOf, addLora, type Lora, possibleTargets } from "../passes/lora.ts";
import type { CheckpointOrigin } from "./checkpoint.ts";

export interface ModelChoice {
  readonly source: SourceFile;
  /** Name of the `train`; needed if there are several. */
  readonly entry?: string;
  /** Dimensions and hyper-parameters set from outside. */
  readonly overrides?: Readonly<Record<string, number>>;
  /** Of a model that was converted; kept in checkpoints. */
  readonly origin?: CheckpointOrigin;
  /** Train adapters beside frozen weights. */
  readonly lora?: Lora;
}

export interface TrainingModel {
  readonly source: SourceFile;
  readonly entry: string;
  readonly overrides: Readonly<Record<string, number>>;
  readonly origin?: CheckpointOrigin;
  readonly lora?: Lora;
  readonly elaborated: Elaborated;
  /** One output, the loss. With adapters, if there are. */
  readonly graph: Graph;
  /** Tokens of a window. */
  readonly S: number;
  /** Names of the inputs. */
  readonly tokens: string;
  readonly targets: string;
  /** Rows of the embedding of the tokens, and the name of that dimension if it has one. */
  readonly table: { readonly dim: string | null; readonly rows: number };
}

/**
 * Finds the `train` of a file. Throws a `UserError`: mistakes of the file, or E0904 to E0906 when there
 * is none, several, or one that does not take tokens and targets.
 */
export function readModel(choice: ModelChoice): TrainingModel {
  const { source, overrides = {}, origin, lora } = choice;
  const elaborated = elaborate(source, { overrides });
  const trains = elaborated.entries.filter((e) => e.kind === "train");
  const names = trains.map((e) => e.name);
  const found = choice.entry === undefined ? trains : trains.filter((e) => e.name === choice.entry);
  const [entry] = found;
  if (entry === undefined) throw new UserError(noTrainEntry(source.path, choice.entry, names));
  if (found.length > 1) throw new UserError(severalTrainEntries(source.path, names));

  const written = entry.graph();
  const graph = lora === undefined ? written : withLora(written, lora);
  const [tokens, targets] = graph.inputs;
  const isText =
    graph.inputs.length === 2 &&
    graph.inputs.every((x) => x.type.dtype === "i32" && x.type.shape.length === 1) &&
    sameShape(tokens!.type.shape, targets!.type.shape);
  if (!isText) {
    const taken = graph.inputs.map(
      (x) => `\`${leafName(x)}: ${x.type.dtype === "i32" ? "i32" : ""}${shapeName(x.type.shape)}\``,
    );
    const text = taken.length === 0 ? "nothing" : taken.join(", ");
    const span = graph.inputs.map((x) => originOf(x).span).find((s) => s !== undefined);
    throw new UserError(trainArguments(entry.name, text, span));
  }
  const S = tokens!.type.shape[0]!.size;
  return {
    ...{ source, entry: entry.name, overrides, elaborated, graph, S },
    tokens: leafName(tokens!),
    targets: leafName(targets!),
    table: tableOf(graph),
    ...(origin === undefined ? {} : { origin }),
    ...(lora === undefined ? {} : { lora }),
  };
}

function withLora(graph: Graph, lora: Lora): Graph {
  const adapted = addLora(graph, lora);
  if (adapted.params.some((p) => adapterOf(p) !== undefined)) return adapted;
  throw new UserError(noLoraTarget(lora.targets, possibleTargets(graph)));
}

/** Numbers in all parameters of a graph. */
export function parametersOf(graph: Graph): number {
  return graph.params.reduce((n, p) => n + elementCount(p.type.shape), 0);
}

/** Bytes of the parameters of a graph in training: of each a weight, a gradient and two moments, in fp32. */
export function trainedBytes(graph: Graph): number {
  return 4 * DTYPE_BYTES.F32 * parametersOf(graph);
}

/** The parameter that the tokens are looked up in. Without one, any id will do. */
function tableOf(graph: Graph): TrainingModel["table"] {
  const lookup = nodesOf(graph).find(
    (n) => n.op.name === "embedding" && isParam(n.inputs[0]!) && n.inputs[1] === graph.inputs[0],
  );
  const rows = lookup?.inputs[0]?.type.shape[0];
  return { dim: rows === undefined ? null : nameOf(rows), rows: rows?.size ?? 2 ** 31 - 1 };
}

/** The name of a dimension of one factor. */
export function nameOf(d: Dim): string | null {
  return d.factors.length === 1 ? d.factors[0]!.name : null;
}

/** The same model with another number of rows. */
export function withRows(model: TrainingModel, dim: string | null, rows: number): TrainingModel {
  if (dim === null || rows === model.table.rows) return model;
  const { overrides } = model;
  return { ...readModel({ ...model, overrides: { ...overrides, [dim]: rows } }), overrides };
}
