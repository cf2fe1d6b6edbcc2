/**
 * A schedule of the `ane` target as graphs of the host in which calls of the engine are nodes: what the
 * host's lowering turns into one list of commands.
 *
 * A call is a family of nodes with the same operands: member 0 stands for the call itself, the others
 * are the values that the host reads after it. Each call has the one before it as an operand, so
 * that calls keep their order; the host's own work goes wherever its operands allow. Weights are
 * staged by a graph of its own, one after another, so that no two folded ones are held at once.
 */
import type {
  CopyStep,
  DispatchStep,
  Place,
  ReadStep,
  WriteStep,
} from "../../compiler/bundle/manifest.ts";
import type { EnginePlan } from "../../compiler/bundle/plan.ts";
import { type Graph, leafName, makeGraph } from "../../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../../compiler/ir/node.ts";
import { type TensorType, tensorType } from "../../compiler/ir/types.ts";
import { constant, defineOp, type OpDef } from "../../compiler/ops/define.ts";
import type { HostEmitter } from "../../compiler/ops/host.ts";
import { bug } from "../../compiler/support/bug.ts";
import type { AneCompilation } from "./compile.ts";

export interface Offloaded {
  /** The graph's outputs; calls of the engine are nodes of it. */
  readonly run: Graph;
  /** Puts what depends on parameters alone on its surfaces. Its output says nothing. */
  readonly stage: Graph;
  readonly engine: EnginePlan;
}

/** One dispatch with what is moved for it. */
interface EngineCall {
  readonly index: number;
  readonly writes: readonly WriteStep[];
  readonly copies: readonly CopyStep[];
  readonly reads: readonly ReadStep[];
}

const SCALAR: TensorType = tensorType("f32", []);
/** Values that the host reads after one call. */
const MOST_READS = 32;

/** `graph` is the one that was compiled. */
export function offload(graph: Graph, made: AneCompilation): Offloaded {
  const surfaces = new Map(made.surfaces.map((s, i) => [s.name, i]));
  const programs = new Map(made.programs.map((p, i) => [p.name, i]));
  const numbered = (name: string): number => surfaces.get(name) ?? bug(`no surface ${name}`);
  const calls: EnginePlan["calls"][number][] = [];
  const addCall = (step: DispatchStep): number => {
    const uses = (ports: DispatchStep["inputs"]): number[] =>
      Object.values(ports).map((use) => numbered(use.surface));
    const program = programs.get(step.program) ?? bug(`no program ${step.program}`);
    const label = `${step.label}.${step.program}`;
    return (
      calls.push({ program, label, inputs: uses(step.inputs), outputs: uses(step.outputs) }) - 1
    );
  };
  const run = runGraph(graph, made, numbered, addCall);
  const stage = stageGraph(graph, made, numbered);
  const decoder = new TextDecoder();
  const engine: EnginePlan = {
    surfaces: made.surfaces.map((s) => ({ name: s.name, shape: s.shape })),
    programs: made.programs.map((p) => ({
      name: p.name,
      mil: decoder.decode(made.files.get(p.file)),
      weights: p.weights === undefined ? null : (made.files.get(p.weights) ?? null),
      flops: p.flops,
      inputs: p.inputs.map(({ name, shape }) => ({ name, shape })),
      outputs: p.outputs.map(({ name, shape }) => ({ name, shape })),
    })),
    calls,
  };
  return { run, stage, engine };
}

type Numbered = (surface: string) => number;

function runGraph(
  graph: Graph,
  made: AneCompilation,
  numbered: Numbered,
  addCall: (step: DispatchStep) => number,
): Graph {
  const { scope } = graph;
  const values = leavesOf(graph);
  const staged = made.staging.filter((s) => s.do === "host");
  for (const [i, step] of staged.entries()) values.set(step.writes, made.hostNodes[i]!);
  let hostStep = staged.length;
  let token = constant(scope, 0);
  let writes: WriteStep[] = [];
  let copies: CopyStep[] = [];
  const steps = made.schedule;
  for (const [at, step] of steps.entries()) {
    switch (step.do) {
      case "host": {
        const node = made.hostNodes[hostStep]!;
        hostStep += 1;
        const inputs = step.reads.map((name, i) => values.get(name) ?? node.inputs[i]!);
        values.set(
          step.writes,
          withOrigin(scope, originOf(node), () => makeNode(scope, node.op, inputs, node.attrs)),
        );
        break;
      }
      case "write":
        writes.push(step);
        break;
      case "copy":
        copies.push(step);
        break;
      case "dispatch": {
        const reads: ReadStep[] = [];
        for (let i = at + 1; steps[i]?.do === "read"; i++) reads.push(steps[i] as ReadStep);
        const call: EngineCall = { index: addCall(step), writes, copies, reads };
        const operands = [token, ...writes.map((w) => values.get(w.value) ?? bug(w.value))];
        const types = reads.map((r) => made.typeOf.get(r.value) ?? bug(`no type of ${r.value}`));
        const moves = movesOf(call, numbered);
        const members = callMembers(call, types, moves);
        // Nodes of equal attributes are one node, also between two schedules of one graph.
        const attrs = { call: call.index, moves: JSON.stringify([moves, types]) };
        const nodes = members.map((op) => makeNode(scope, op, operands, attrs));
        token = nodes[0]!;
        for (const [i, read] of reads.entries()) values.set(read.value, nodes[i + 1]!);
        writes = [];
        copies = [];
        break;
      }
      case "read":
        break;
      default:
        step satisfies never;
    }
  }
  const outputs = graph.outputs.map(({ name, node }) => ({
    name,
    node: values.get(made.outputs[name]!) ?? node,
  }));
  return makeGraph({ ...graph, outputs });
}

function leavesOf(graph: Graph): Map<string, Node> {
  const values = new Map<string, Node>();
  for (const leaf of graph.inputs) values.set(leafName(leaf), leaf);
  for (const leaf of graph.params) values.set(`@${leafName(leaf)}`, leaf);
  return values;
}

/** What is moved for a call, as integers of commands. */
interface Moves {
  readonly writes: readonly (readonly number[])[];
  readonly copies: readonly (readonly number[])[];
  readonly reads: readonly (readonly number[])[];
}

function movesOf({ writes, copies, reads }: EngineCall, numbered: Numbered): Moves {
  return {
    writes: writes.map((w) => placeInts(numbered(w.surface), w.place)),
    copies: copies.map(({ from, fromPlace, surface, place }) => {
      const [a, b] = [fromPlace.blocks[0]!, place.blocks[0]!];
      const where = [a.row, a.column, b.row, b.column, a.rows, a.columns];
      return [numbered(from), numbered(surface), ...where];
    }),
    reads: reads.map((r) => placeInts(numbered(r.surface), r.place)),
  };
}

/** The ops of one call: itself, then what is read after it. */
function callMembers(call: EngineCall, types: readonly TensorType[], moves: Moves): OpDef[] {
  if (types.length >= MOST_READS) bug(`${types.length} values are read after one call`);
  const names = Array.from({ length: MOST_READS }, (_, i) => `engine_${i}`);
  const run = (host: HostEmitter): void => {
    for (const [i, ints] of moves.writes.entries())
      host.emit("engine_write", [host.dense(i + 1)], ints);
    for (const ints of moves.copies) host.emit("engine_copy", [], ints);
    host.emit("engine_call", [], [call.index]);
    for (const [i, ints] of moves.reads.entries())
      host.emit("engine_read", [host.sibling(i + 1)], ints);
  };
  return [SCALAR, ...types].map((type, i) =>
    defineOp({
      name: names[i]!,
      doc: "a call of the engine, or a value read after it",
      operands: [],
      shape: () => type,
      eval: () => bug("a call of the engine has no meaning on the host"),
      host: { family: { name: "engine", members: names }, run },
      samples: [],
    }),
  );
}

/** Whether a node of the host's graph is a value that is read after a call. */
export function isCallValue({ op }: Node): boolean {
  return /^engine_[1-9]\d*$/.test(op.name);
}

/** Surface, layout, the value's sizes as [lead, rows, columns], and its blocks. */
function placeInts(surface: number, { layout, sizes, blocks }: Place): number[] {
  const [rows, columns] = [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1];
  const lead = sizes.slice(0, -2).reduce((a, b) => a * b, 1);
  // A vector beside matrices is a column of its own, or a row where it is turned.
  const [block] = blocks;
  const isColumn = sizes.length === 1 && (layout === "rows" ? block!.columns : block!.rows) === 1;
  const matrix = isColumn ? [columns, 1] : [rows, columns];
  const ints = [surface, layout === "channels" ? 1 : 0, lead, ...matrix, blocks.length];
  return ints.concat(blocks.flatMap((b) => [b.row, b.column, b.rows, b.columns]));
}

function stageGraph(graph: Graph, made: AneCompilation, numbered: Numbered): Graph {
  const { scope } = graph;
  const values = leavesOf(graph);
  let next = 0;
  let token = constant(scope, 0);
  for (const step of made.staging) {
    if (step.do === "host") values.set(step.writes, made.hostNodes[next++]!);
    if (step.do !== "write") continue;
    const ints = placeInts(numbered(step.surface), step.place);
    const op = defineOp({
      name: "engine_stage",
      doc: "puts a value on a surface",
      operands: [],
      shape: () => SCALAR,
      eval: () => bug("staging has no meaning on the host"),
      host: { run: (host) => host.emit("engine_stage", [host.dense(1)], ints) },
      samples: [],
    });
    const value = values.get(step.value) ?? bug(`no staged value ${step.value}`);
    token = makeNode(scope, op, [token, value], { place: JSON.stringify(ints) });
  }
  return makeGraph({ ...graph, name: "stage", outputs: [{ name: "staged", node: token }] });
}
