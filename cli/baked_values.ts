/** The values of weights that `anec compile --weights baked` writes into the programs. */
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { elementCount, shapeWithSizes, sizesOf } from "../compiler/ir/types.ts";
import { missingTensor, wrongTensorShape } from "../compiler/messages/usage.ts";
import { bug } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import { toFloat64 } from "../formats/tensor.ts";
import { type Checkpoint, readCheckpoint } from "../training/checkpoint.ts";
import { initialise } from "../training/initialise.ts";
import { mergeAdapters } from "../training/lora/merge.ts";
import { defaultSettings } from "../training/options.ts";
import { checkValuesFile } from "./weight_files.ts";

interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * Values by parameter: from a safetensors file with a tensor `PATH` for each parameter, or from a
 * checkpoint, which calls them `param.PATH`. Throws a `UserError` (E0836, E0960, E0962, and those of the file).
 */
export function bakedValues(graph: Graph, path: string | undefined): (param: Node) => Values {
  if (path !== undefined) checkValuesFile(path);
  const values = path === undefined ? initialValues(graph) : fromFile(graph, path);
  return (param) => values.get(leafName(param)) ?? bug(`no value for parameter ${leafName(param)}`);
}

/**
 * Adds to `overrides` the dimensions that a checkpoint was trained with, so that its weights fit: those
 * that were set, and the rows of its vocabulary. What is in `overrides` stays. A file of another kind
 * says nothing of dimensions. Throws a `UserError` (E0836, those of the file).
 */
export function dimsOfValues(path: string, overrides: Record<string, number>): void {
  checkValuesFile(path);
  const checkpoint = checkpointAt(path);
  if (checkpoint === undefined) return;
  const { model, vocabulary } = checkpoint;
  const { dim, size } = vocabulary;
  const dims = { ...model.overrides, ...(dim === null ? {} : { [dim]: size }) };
  for (const [name, value] of Object.entries(dims)) overrides[name] ??= value;
}

/** Undefined for a safetensors file that another program made. */
function checkpointAt(path: string): Checkpoint | undefined {
  try {
    return mergeAdapters(readCheckpoint(path));
  } catch (error) {
    if (error instanceof UserError && error.diagnostics[0]?.code === "E0721") return undefined;
    throw error;
  }
}

function fromFile(graph: Graph, path: string): Map<string, Values> {
  const { tensors } = readSafetensors(path);
  const values = new Map<string, Values>();
  const faults: Diagnostic[] = [];
  for (const param of graph.params) {
    const name = leafName(param);
    const declared = shapeWithSizes(param.type.shape);
    const tensor = tensors.get(name) ?? tensors.get(`param.${name}`);
    const shape = sizesOf(param.type.shape);
    if (tensor === undefined) {
      faults.push(
        missingTensor(path, graph.name, "a parameter", name, declared, [...tensors.keys()]),
      );
    } else if (tensor.shape.join() !== shape.join()) {
      faults.push(
        wrongTensorShape(path, graph.name, name, `[${tensor.shape.join(", ")}]`, declared),
      );
    } else values.set(name, { shape, data: toFloat64(tensor) });
  }
  if (faults.length > 0) throw new UserError(faults);
  return values;
}

/** Rows are ids. */
const WHOLE = { dim: null, full: 0, size: 0, active: null };

/** What training with the default seed would start with. */
function initialValues(graph: Graph): Map<string, Values> {
  const drawn = new Map<string, Float32Array>();
  for (const param of graph.params) {
    drawn.set(leafName(param), new Float32Array(elementCount(param.type.shape)));
  }
  const values = (path: string): Float32Array => drawn.get(path)!;
  initialise(graph, { seed: defaultSettings.seed, vocabulary: WHOLE, values });
  return new Map(
    graph.params.map((p) => {
      const data = Float64Array.from(drawn.get(leafName(p))!);
      return [leafName(p), { shape: sizesOf(p.type.shape), data }];
    }),
  );
}
