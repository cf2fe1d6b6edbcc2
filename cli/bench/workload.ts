/**
 * What the benchmarks run: a model with values and tokens made up, which take as long as real ones.
 */
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import { elementCount } from "../../compiler/ir/types.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { inputStorage, paramStorage } from "../../passes/lower_to_host.ts";
import type { Session } from "../../runtime-native/js/index.ts";
import { readModel, type TrainingModel, withRows } from "../../training/model.ts";
import { createRandom } from "../../training/random.ts";

/** What the default text leaves of a vocabulary of 49,152. */
const ACTIVE_IDS = 16_893;
/** Larger vocabularies are cut to the ids in use, as a training run does. */
const WHOLE_VOCABULARY = 32_768;

export interface WorkloadOptions {
  readonly source: SourceFile;
  readonly overrides?: Readonly<Record<string, number>>;
  /** Rows of the table of embeddings; `ACTIVE_IDS` of a large one unless given. */
  readonly rows?: number;
}

/** The `train` of a file, with the rows that a training run would have. */
export function trainingWorkload({ source, overrides = {}, rows }: WorkloadOptions): TrainingModel {
  const model = readModel({ source, overrides });
  const { dim, rows: written } = model.table;
  return withRows(model, dim, rows ?? (written > WHOLE_VOCABULARY ? ACTIVE_IDS : written));
}

/**
 * GFLOP of one micro-step: 6 for each weight of a product and token, and 12·S²·H·E for the attention of
 * each layer, masked or not.
 */
export function gflopOfMicroStep({ graph, S, elaborated }: TrainingModel): number {
  const matrices = graph.params.filter((p) => p.type.shape.length === 2);
  const weights = matrices.reduce((n, p) => n + elementCount(p.type.shape), 0);
  const dim = (name: string) => elaborated.dims.get(name) ?? 0;
  return (6 * weights * S + 12 * S * S * dim("H") * dim("E") * dim("L")) / 1e9;
}

/** Random values for the parameters of `graph`, random ids for its inputs. */
export function fillWorkload(session: Session, graph: Graph, rows: number): void {
  const random = createRandom(42);
  for (const p of graph.params) random.fillUniform(session.f32(paramStorage(leafName(p))), 0.02);
  for (const x of graph.inputs) fillTokens(session.i32(inputStorage(leafName(x))), rows, 42);
}

/** Random ids below `rows`. */
export function fillTokens(ids: Int32Array, rows: number, seed: number): void {
  const random = createRandom(seed);
  for (const i of ids.keys()) ids[i] = random.uniformIndex(rows);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
