/**
 * Lowers a graph to host kernel calls: the `cpu` target.
 *
 * Every value gets a view of some storage. Transposes, slices and reshapes are views of their
 * operand and cost nothing; kernels read strides. Values with the same readers are computed in one
 * elementwise loop. Gradients are summed straight into their storage, so that micro-steps of one
 * accumulation group need no extra pass.
 */

import { opcodeNumber } from "../compiler/bundle/opcodes.ts";
import { WRITE } from "../compiler/bundle/plan.ts";
import { type Graph, isInput, leafName, nodesOf, usersOf } from "../compiler/ir/graph.ts";
import { type Node, originOf } from "../compiler/ir/node.ts";
import { elementCount, sizesOf } from "../compiler/ir/types.ts";
import { opOf } from "../compiler/ops/define.ts";
import { denseStrides, type HostEmitter, isDense, type View } from "../compiler/ops/host.ts";
import { constantNodes, evaluateNodes } from "../compiler/reference/interpret.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { collapseAxes } from "./collapse.ts";
import { clusterElementwise, membersOf, programOf } from "./elementwise_clusters.ts";
import { broadcastTo, denseView, elementsIn, preferredStrides, siblingsOf } from "./host_views.ts";
import { type OutputSums, splitSums } from "./output_sums.ts";
import {
  addProgram,
  isState,
  type PlanBuilder,
  scratchStorage,
  stateStorage,
} from "./plan_builder.ts";
import { isAgain } from "./recompute.ts";
import { groupRows, LEAST_ROW, outsideReaders, type RowGroup } from "./row_groups.ts";
import { inputsOf, type RowOutput, rowwiseCall } from "./rowwise_call.ts";

export interface HostProgram {
  readonly name: string;
  readonly graph: Graph;
  /** Outputs that are summed over the micro-steps of a group instead of replaced. */
  readonly accumulated?: ReadonlySet<string>;
  /** State storage of an input, if not `input.NAME`. */
  readonly inputStorage?: (input: string) => string;
  /** State storage of an output, if not `output.NAME`: gradients, or the input that it updates. */
  readonly outputStorage?: (output: string) => string;
  /**
   * Rows of at least this many elements are computed with their sums in one pass; shorter ones are not worth it.
   * Infinity for op by op, which is what the one pass is tested against. Default 32.
   */
  readonly leastRow?: number;
}

export function inputStorage(name: string): string {
  return `input.${name}`;
}

export function paramStorage(path: string): string {
  return `param.${path}`;
}

/** Adds `program` to the plan. The graph must hold only ops with a host kernel. */
export function lowerToHost(plan: PlanBuilder, program: HostProgram): void {
  new HostLowering(plan, program).run();
}

class HostLowering {
  readonly #plan: PlanBuilder;
  readonly #program: HostProgram;
  readonly #commands: ReturnType<typeof addProgram>;
  readonly #views = new Map<Node, View>();
  readonly #users: Map<Node, Node[]>;
  readonly #outputs: ReadonlySet<Node>;
  readonly #constants: ReadonlySet<Node>;
  readonly #roots: Map<Node, Node>;
  readonly #rows: ReadonlyMap<Node, RowGroup>;
  readonly #order: Node[];
  readonly #sums: OutputSums;
  /** Values that are made when somebody reads them, and no sooner. */
  readonly #late: ReadonlySet<Node>;
  readonly #sources = new Map<Node, ReadonlySet<Node>>();
  /** Accumulated outputs that something was written to. */
  readonly #started = new Set<string>();
  /** Reads of a storage that are still to come. */
  readonly #pending = new Map<number, number>();
  readonly #done = new Set<Node>();

  constructor(plan: PlanBuilder, program: HostProgram) {
    this.#plan = plan;
    this.#program = program;
    this.#commands = addProgram(plan, program.name);
    const { graph } = program;
    this.#order = nodesOf(graph);
    this.#users = usersOf(this.#order);
    this.#outputs = new Set(graph.outputs.map((o) => o.node));
    this.#constants = constantNodes(graph);
    this.#sums = splitSums(graph, program.accumulated ?? new Set());
    this.#late = madeLate(this.#order);
    this.#rows = groupRows(graph, {
      order: this.#order,
      users: this.#users,
      excluded: new Set([...this.#sums.dissolved, ...this.#constants]),
      late: this.#late,
      leastRow: program.leastRow ?? LEAST_ROW,
    });
    const excluded = new Set([...this.#sums.dissolved, ...this.#rows.keys()]);
    this.#roots = clusterElementwise(graph, this.#order, this.#users, excluded);
  }

  /** Outputs are computed as soon as what they read is there, so that it need not be kept. */
  run(): void {
    const { graph } = this.#program;
    for (const leaf of [...graph.inputs, ...graph.params]) this.#lowerLeaf(leaf);
    const eager = new Set([...this.#sums.terms.keys(), ...graph.outputs.map((o) => o.node)]);
    const readers = new Map<Node, Node[]>();
    for (const output of eager) {
      for (const x of this.#sourcesOf(output)) readers.set(x, [...(readers.get(x) ?? []), output]);
    }
    for (const node of this.#order) {
      if (eager.has(node) || this.#late.has(node)) continue;
      this.#lower(node);
      for (const output of readers.get(node) ?? []) if (this.#isReady(output)) this.#lower(output);
    }
    // What is left reads other outputs; the graph's own order puts those first.
    for (const node of this.#order) this.#lower(node);
    this.#storeOutputs();
  }

  #lowerLeaf(node: Node): void {
    if (this.#done.has(node)) return;
    const ofInput = this.#program.inputStorage ?? inputStorage;
    const state = isInput(node) ? ofInput(leafName(node)) : paramStorage(leafName(node));
    const dtype = node.type.dtype === "i32" ? "i32" : "f32";
    const storage = stateStorage(this.#plan, state, dtype, elementCount(node.type.shape));
    this.#setView(node, denseView(storage, sizesOf(node.type.shape)));
  }

  /** Operands that are values in memory: those of the whole group for a group's root. */
  #operandsOf(node: Node): readonly Node[] {
    const rows = this.#rows.get(node);
    if (rows !== undefined) return inputsOf(rows);
    return this.#roots.get(node) === node ? programOf(node, this.#roots).inputs : node.inputs;
  }

  /** Operands that are made in their turn: what is made late stands for what it reads. */
  #sourcesOf(node: Node): ReadonlySet<Node> {
    const known = this.#sources.get(node);
    if (known !== undefined) return known;
    const operands = this.#operandsOf(node).filter((x) => !this.#constants.has(x));
    const found = new Set(
      operands.flatMap((x) => (this.#late.has(x) ? [...this.#sourcesOf(x)] : [x])),
    );
    this.#sources.set(node, found);
    return found;
  }

  #isReady(node: Node): boolean {
    return [...this.#sourcesOf(node)].every((x) => this.#done.has(x));
  }

  #outputStorage(name: string): number {
    const { type } = this.#program.graph.outputs.find((o) => o.name === name)!.node;
    const state = this.#program.outputStorage?.(name) ?? `output.${name}`;
    const dtype = type.dtype === "i32" ? "i32" : "f32";
    return stateStorage(this.#plan, state, dtype, elementCount(type.shape));
  }

  #storeOutputs(): void {
    for (const { node, output } of this.#sums.late) {
      const from = this.#viewOf(node);
      const to = denseView(this.#outputStorage(output), from.shape);
      this.#copy(from, to, this.#writeMode(output), `add to ${output}`);
    }
    for (const output of this.#program.graph.outputs) {
      if (this.#program.accumulated?.has(output.name) === true) continue;
      const from = this.#viewOf(output.node);
      const storage = this.#outputStorage(output.name);
      if (from.storage === storage && isDense(from)) continue;
      this.#copy(from, denseView(storage, from.shape), WRITE.replace, `output ${output.name}`);
    }
  }

  #writeMode(output: string): number {
    const mode = this.#started.has(output) ? WRITE.add : WRITE.addUnlessFirst;
    this.#started.add(output);
    return mode;
  }

  #viewOf(node: Node): View {
    const view = this.#views.get(node);
    if (view !== undefined) return view;
    invariant(this.#constants.has(node), `${node.op.name} was read before it was computed`);
    return this.#constantView(node);
  }

  /** A constant tensor: computed now, kept in state. */
  #constantView(node: Node): View {
    const [value] = evaluateNodes([node], new Map());
    const name = `constant.${this.#plan.initial.length}`;
    const storage = stateStorage(this.#plan, name, "f32", value!.data.length);
    this.#plan.initial.push({ buffer: name, data: Float32Array.from(value!.data) });
    const view = denseView(storage, value!.shape);
    this.#views.set(node, view);
    return view;
  }

  #setView(node: Node, view: View): void {
    this.#views.set(node, view);
    const asOutput = this.#program.graph.outputs.filter((o) => o.node === node).length;
    const reads = (this.#users.get(node)?.length ?? 0) + asOutput;
    this.#pending.set(view.storage, (this.#pending.get(view.storage) ?? 0) + reads);
    this.#done.add(node);
  }

  #lower(node: Node): void {
    if (this.#done.has(node) || this.#constants.has(node)) return;
    if (this.#sums.dissolved.has(node)) {
      this.#done.add(node);
      return;
    }
    const root = this.#roots.get(node);
    if (root !== undefined && root !== node) return;
    const rows = this.#rows.get(node);
    if (rows !== undefined && rows.anchor !== node) return;
    for (const x of this.#operandsOf(node))
      if (!this.#done.has(x)) this.#lower(this.#rows.get(x)?.anchor ?? x);
    if (rows !== undefined) {
      this.#lowerRows(rows);
      return;
    }
    if (root !== undefined) {
      this.#lowerCluster(node);
      return;
    }
    const view = opOf(node).host?.view?.(node, this.#viewOf(node.inputs[0]!));
    if (view !== undefined) {
      this.#setView(node, view);
      this.#consume(node.inputs);
      return;
    }
    this.#lowerKernel(node);
  }

  #consume(inputs: readonly Node[]): void {
    for (const x of inputs) {
      const view = this.#views.get(x);
      if (view !== undefined) this.#pending.set(view.storage, this.#pending.get(view.storage)! - 1);
    }
  }

  #lowerCluster(root: Node): void {
    const { inputs, constants, instructions, result } = programOf(root, this.#roots);
    const shape = sizesOf(root.type.shape);
    const views = inputs.map((x) => broadcastTo(this.#viewOf(x), shape));
    const output =
      this.#targetOf(root) ??
      denseView(scratchStorage(this.#plan, elementsIn(shape), root.op.name), shape);
    const { shape: axes, strides } = collapseAxes(shape, [
      ...views.map((v) => v.strides),
      output.strides,
    ]);
    const ints = [axes.length, ...axes, views.length, ...strides.slice(0, -1).flat()];
    ints.push(1, ...strides[strides.length - 1]!, WRITE.replace, result, instructions.length);
    for (const { opcode, dst, a, b } of instructions) {
      ints.push(opcodeNumber(opcode) ?? bug(`no host instruction ${opcode}`), dst, a, b);
    }
    this.#emit(root, "elementwise", [...views, output], ints, constants);
    this.#setView(root, output);
    for (const member of membersOf(root, this.#roots)) {
      this.#done.add(member);
      this.#consume(member.inputs.filter((x) => this.#roots.get(x) !== root));
    }
  }

  #lowerRows(group: RowGroup): void {
    const inside = new Set(group.members);
    const isRead = outsideReaders(this.#outputs, this.#users, this.#late, (n) => inside.has(n));
    const inputs = inputsOf(group).map((x) => this.#viewOf(x).storage);
    const outputs = group.members.filter(isRead).map((node): RowOutput => {
      const sum = this.#sums.terms.get(node);
      const shape = sizesOf(node.type.shape);
      if (sum !== undefined)
        return {
          node,
          view: denseView(this.#outputStorage(sum), shape),
          write: this.#writeMode(sum),
        };
      const target = this.#targetOf(node);
      // What is read later must not be written now.
      const isFree = target !== undefined && !inputs.includes(target.storage);
      const scratch = () => scratchStorage(this.#plan, elementsIn(shape), node.op.name);
      return { node, view: isFree ? target : denseView(scratch(), shape), write: WRITE.replace };
    });
    const call = rowwiseCall(group, (x) => this.#viewOf(x), outputs);
    this.#emit(group.anchor, "rowwise", call.operands, call.ints, call.floats);
    for (const { node, view } of outputs) this.#setView(node, view);
    for (const member of group.members) {
      this.#done.add(member);
      this.#consume(member.inputs);
      // Views of a member that only members read are never made.
      for (const user of this.#users.get(member) ?? [])
        if (this.#late.has(user) && !isRead(user)) this.#skip(user);
    }
  }

  #skip(view: Node): void {
    this.#done.add(view);
    for (const user of this.#users.get(view) ?? []) if (this.#late.has(user)) this.#skip(user);
  }

  /** The storage of the output that `node` is, when it can be written there at once. */
  #targetOf(node: Node): View | undefined {
    const output = this.#program.graph.outputs.find((o) => o.node === node);
    if (output === undefined || this.#program.accumulated?.has(output.name) === true)
      return undefined;
    return denseView(this.#outputStorage(output.name), sizesOf(node.type.shape));
  }

  #lowerKernel(node: Node): void {
    const rule = opOf(node).host;
    invariant(rule?.run !== undefined, `op ${node.op.name} has no host kernel`);
    const members =
      rule.family === undefined
        ? [node]
        : siblingsOf(node, rule.family.members, this.#users.get(node.inputs[0]!) ?? []);
    const sum = this.#sums.terms.get(node);
    const outputs = members.map((m) => (m === undefined ? undefined : this.#outputView(m)));
    const own = outputs[members.indexOf(node)]!;
    const scratchFor = (like: View) =>
      denseView(scratchStorage(this.#plan, elementsIn(like.shape)), like.shape);
    const host: HostEmitter = {
      node,
      output: own,
      write: sum === undefined ? WRITE.replace : this.#writeMode(sum),
      input: (i) => this.#viewOf(node.inputs[i]!),
      dense: (i) => this.#dense(node, this.#viewOf(node.inputs[i]!)),
      sibling: (i) => outputs[i] ?? scratchFor(this.#viewOf(node.inputs[i]!)),
      scratch: (n) => denseView(scratchStorage(this.#plan, n), [n]),
      emit: (kernel, operands, ints, floats = []) =>
        this.#emit(node, kernel, operands, ints, floats),
    };
    rule.run(host);
    for (const [i, member] of members.entries()) {
      if (member === undefined) continue;
      this.#setView(member, outputs[i]!);
      this.#consume(member.inputs);
    }
  }

  #outputView(node: Node): View {
    const shape = sizesOf(node.type.shape);
    const rule = opOf(node).host!;
    const sum = this.#sums.terms.get(node);
    if (sum !== undefined) return denseView(this.#outputStorage(sum), shape);
    if (rule.updates === true) return this.#viewOf(node.inputs[0]!);
    const target = this.#targetOf(node);
    if (target !== undefined) return target;
    if (rule.inPlace !== undefined) {
      const over = this.#viewOf(node.inputs[rule.inPlace]!);
      const isFree = !isState(this.#plan, over.storage) && this.#pending.get(over.storage) === 1;
      if (isFree && isDense(over) && elementsIn(over.shape) === elementsIn(shape))
        return { ...over, shape };
    }
    const storage = scratchStorage(this.#plan, elementsIn(shape), node.op.name);
    const strides = preferredStrides(node, this.#users.get(node) ?? [], shape);
    return { storage, offset: 0, shape, strides };
  }

  #dense(node: Node, view: View): View {
    if (isDense(view)) return { ...view, strides: denseStrides(view.shape) };
    const to = denseView(scratchStorage(this.#plan, elementsIn(view.shape), "dense"), view.shape);
    this.#copy(view, to, WRITE.replace, `arrange for ${node.op.name}`);
    return to;
  }

  #copy(from: View, to: View, write: number, label: string): void {
    const { shape, strides } = collapseAxes(from.shape, [from.strides, to.strides]);
    this.#commands.push({
      kernel: "copy",
      operands: [from, to],
      ints: [shape.length, ...shape, ...strides[0]!, ...strides[1]!, write],
      floats: [],
      label,
    });
  }

  #emit(
    node: Node,
    kernel: string,
    operands: readonly (View | null)[],
    ints: readonly number[],
    floats: readonly number[],
  ): void {
    const path = originOf(node).path;
    const label = path === undefined || path === "" ? node.op.name : `${path}.${node.op.name}`;
    this.#commands.push({ kernel, operands, ints, floats, label });
  }
}

/** Values that are made again, and other ways to look at a value, which cost nothing. */
function madeLate(order: readonly Node[]): Set<Node> {
  return new Set(order.filter((node) => isAgain(node) || opOf(node).host?.view !== undefined));
}
