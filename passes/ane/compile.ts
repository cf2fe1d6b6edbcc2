/** From a graph to the programs and the schedule of the `ane` target. */
import type {
  ManifestProgram,
  Port,
  ScheduleStep,
  Surface,
} from "../../compiler/bundle/manifest.ts";
import { type Graph, isParam, leafName, nodesOf, topological } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { TensorType } from "../../compiler/ir/types.ts";
import { milProgram } from "../../compiler/mil/build.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type MilProgram, sameTree } from "../../compiler/mil/tree.ts";
import { opOf } from "../../compiler/ops/define.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { evaluateNodes } from "../../compiler/reference/interpret.ts";
import { bug } from "../../compiler/support/bug.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { runPasses } from "../pass.ts";
import { simplify } from "../simplify.ts";
import { spellAttentionGradients } from "./attention_gradient.ts";
import { type CallPort, type Connection, connect } from "./connect.ts";
import { type Call, type Cut, cutGraph, engineCapability } from "./cut.ts";
import { fitScheme, type Refusal } from "./fit.ts";
import { type InferOptions, placeLayers } from "./infer.ts";
import { lowerProgram, type ProgramPort, type ProgramSource } from "./lower_program.ts";
import { type ProductScale, placeScales } from "./place_scales.ts";
import { placeTiles } from "./place_tiles.ts";
import type { Weights } from "./ports.ts";
import { leafNames, outputName, programGraph, programText } from "./program_graph.ts";
import { findRoles, type Roles } from "./roles.ts";
import { portName, scheduleOf } from "./schedule.ts";
import type { Scheme } from "./schemes.ts";
import type { SplitK } from "./split_k.ts";

export interface AneOptions {
  readonly scheme: Scheme;
  readonly weights: Weights;
  /** One port for each value, for the range analysis. */
  readonly separate?: boolean;
  /** Values of parameters, for `weights: "baked"`. */
  readonly baked?: (param: Node) => Tensor;
  /** How reductions over weights are cut into slices. Default: not at all. */
  readonly splitK?: SplitK;
  /** Powers of two around the products of programs, by the names of the scheme (`place_scales.ts`). */
  readonly scales?: ReadonlyMap<string, readonly (ProductScale | undefined)[]>;
  /** Several layers in one program, with baked weights as convolutions. */
  readonly infer?: InferOptions;
  /** Tables and numbers in fp32: for tests that compare beyond the digits of fp16. */
  readonly exact?: boolean;
}

export interface AneCompilation {
  /** What was cut: the given graph with the gradients of attention spelled out. */
  readonly graph: Graph;
  readonly programs: readonly ManifestProgram[];
  readonly surfaces: readonly Surface[];
  readonly staging: readonly ScheduleStep[];
  readonly schedule: readonly ScheduleStep[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Nodes of the host's steps, those of staging first. */
  readonly hostNodes: readonly Node[];
  /** Types of the values that programs make, by name. */
  readonly typeOf: ReadonlyMap<string, TensorType>;
  /** Programs of the scheme that the engine would not take whole. */
  readonly refusals: readonly Refusal[];
}

/** A cut with its ports, before anything is lowered: enough to count and to cost. */
export interface AnePlan {
  readonly graph: Graph;
  readonly roles: Roles;
  readonly cut: Cut;
  readonly connections: readonly Connection[];
  readonly refusals: readonly Refusal[];
}

/** `graph` has composite ops whole, and gradients if it is for training. */
export function planAne(graph: Graph, options: AneOptions): AnePlan {
  const { graph: spelled, hints } = spellAttentionGradients(graph, options.scheme.attention);
  const roles = findRoles(spelled, hints);
  const placed =
    options.infer === undefined
      ? placeTiles(spelled, roles)
      : placeLayers(spelled, roles, engineCapability(), options.infer);
  const { cut, connections, refusals } = fitScheme(options.scheme, (scheme) => {
    const made = cutGraph(spelled, roles, scheme, placed);
    return { cut: made, connections: connect(made, { ...options, scheme }) };
  });
  return { graph: spelled, roles, cut, connections, refusals };
}

export function compileAne(given: Graph, options: AneOptions): AneCompilation {
  const plan = planAne(given, options);
  const { connections, refusals } = plan;
  const files = new Map<string, Uint8Array>();
  const texts = new Map<string, string>();
  const programs = new Map<string, ManifestProgram>();
  const programOf = new Map<Call, string>();
  const byText = new Map<string, string>();
  for (const connection of connections) {
    const { call } = connection;
    // Baked programs differ in their weights, which the text does not show.
    const own = options.weights === "baked" ? call.weights.map((w) => w.id).join() : "";
    const text = `${own}\n${callText(connection)}`;
    let name = byText.get(text);
    if (name === undefined) {
      name = uniqueName(call.name, programs);
      programs.set(name, lowered(name, connection, { files, texts }, options));
      byText.set(text, name);
    }
    programOf.set(call, name);
    const program = programs.get(name)!;
    programs.set(name, { ...program, calls: program.calls + 1 });
  }
  const schedule = scheduleOf({ ...plan, programOf });
  return { ...schedule, graph: plan.graph, programs: [...programs.values()], files, refusals };
}

function uniqueName(wish: string, taken: ReadonlyMap<string, unknown>): string {
  let name = wish;
  for (let n = 2; taken.has(name); n++) name = `${wish}_${n}`;
  return name;
}

/** Ports with the values on them by the names of the program's graph. */
function portsOf({ call, inputs, outputs }: Connection) {
  const leaves = leafNames(call);
  const results = new Map(call.outputs.map((n, i) => [n, outputName(i)]));
  const named = (list: readonly CallPort[], prefix: string, names: ReadonlyMap<Node, string>) =>
    list.map(({ plan }, i): ProgramPort => {
      const values = plan.values.map((v) => ({ value: names.get(v.node) ?? "", place: v.place }));
      return { name: portName(prefix, i, list.length), shape: plan.shape, values };
    });
  return { inputs: named(inputs, "in", leaves), outputs: named(outputs, "out", results) };
}

/** What a call computes and where its values lie: calls of equal text share a program. */
export function callText(connection: Connection): string {
  return `${programText(connection.call)}\n${JSON.stringify(portsOf(connection))}`;
}

const encoder = new TextEncoder();

interface Written {
  readonly files: Map<string, Uint8Array>;
  /** MIL files by their text: programs that differ in their weights alone share one. */
  readonly texts: Map<string, string>;
}

/** One call as a program of its own. `onStatement`: see `ProgramSource`. */
export function lowerCall(
  connection: Connection,
  options: AneOptions,
  onStatement?: ProgramSource["onStatement"],
) {
  const scales = options.scales?.get(connection.call.name);
  const whole = programGraph(connection.call);
  const graph =
    scales === undefined ? whole : runPasses(placeScales(whole, scales), [simplify]).graph;
  const names = leafNames(connection.call);
  const weights = new Set(connection.call.weights.map((w) => names.get(w)!));
  const ports = portsOf(connection);
  const program = lowerProgram({
    graph,
    weights,
    ...ports,
    ...(options.weights === "baked" ? { baked: bakedWeights(connection.call, options) } : {}),
    ...(options.splitK === undefined ? {} : { splitK: options.splitK }),
    convolves: options.infer !== undefined,
    exact: options.exact === true,
    onStatement,
  });
  return { program, mil: milProgram([program.fn]), graph, ports };
}

function lowered(
  name: string,
  connection: Connection,
  { files, texts }: Written,
  options: AneOptions,
): ManifestProgram {
  const { program, mil, graph, ports } = lowerCall(connection, options);
  const text = printMil(mil);
  const file = texts.get(text) ?? `programs/${name}.mil`;
  if (!texts.has(text)) {
    readBack(file, text, mil);
    files.set(file, encoder.encode(text));
    texts.set(text, file);
  }
  const blob = `weights/${name}.bin`;
  if (program.weights !== undefined) files.set(blob, program.weights);
  return {
    name,
    file,
    ...(program.weights === undefined ? {} : { weights: blob }),
    ops: program.fn.body.filter((s) => s.op !== "const").length,
    flops: nodesOf(graph).reduce((sum, n) => sum + (n.op.name === "matmul" ? flopsOf(n) : 0), 0),
    inputs: ports.inputs.map(manifestPort),
    outputs: ports.outputs.map(manifestPort),
    calls: 0,
  };
}

/** Weights as values, by the names of the program's graph. */
function bakedWeights(call: Call, { baked }: AneOptions): ReadonlyMap<string, Tensor> {
  const values = new Map<string, Tensor>();
  for (const node of topological(call.weights))
    if (isParam(node)) values.set(leafName(node), baked?.(node) ?? bug("no values to bake"));
  const results = evaluateNodes(call.weights, values);
  const names = leafNames(call);
  return new Map(call.weights.map((w, i) => [names.get(w)!, results[i]!]));
}

function manifestPort({ name, shape, values }: ProgramPort): Port {
  const bytes = 2 * shape.reduce((n, d) => n * d, 1);
  return { name, shape, dtype: "fp16", bytes, places: values.map((v) => v.place) };
}

/** Nothing leaves the compiler that our own parser has not read back and checked. */
function readBack(file: string, mil: string, program: MilProgram): void {
  const again = parseMil({ path: file, text: mil });
  if (!sameTree(again, program)) bug(`${file} does not read back as it was written`);
  const faults = checkMil(again).filter((d) => d.severity === "error");
  if (faults.length > 0)
    bug(`${file} does not pass the MIL checker\n\n${renderDiagnostics(faults)}`);
}

/** Floating-point operations of one evaluation of a node. */
export function flopsOf(node: Node): number {
  return opOf(node).flops(
    node.inputs.map((x) => x.type),
    node.type,
    node.attrs,
  );
}
