/**
 * Groups elementwise values that one loop can compute.
 *
 * A value joins the group of its users when all of them are in one group of the same shape and
 * nobody else reads it; it then never reaches memory. Each group has one result, its root.
 */
import { opcodeNumber } from "../compiler/bundle/opcodes.ts";
import { constantValue, type Graph } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { opOf } from "../compiler/ops/define.ts";

/** The host kernel has 32 registers: inputs, constants and results each take one. */
const MAX_MEMBERS = 12;

export function isElementwise(node: Node): boolean {
  const { opcode } = opOf(node);
  return opcode !== undefined && opcodeNumber(opcode) !== undefined;
}

/** For every elementwise node but the `excluded`, the root of its group. */
export function clusterElementwise(
  graph: Graph,
  order: readonly Node[],
  users: ReadonlyMap<Node, readonly Node[]>,
  excluded: ReadonlySet<Node>,
): Map<Node, Node> {
  const rootOf = new Map<Node, Node>();
  const size = new Map<Node, number>();
  const outputs = new Set(graph.outputs.map((o) => o.node));
  for (const node of [...order].reverse()) {
    if (!isElementwise(node) || excluded.has(node)) continue;
    const readers = users.get(node) ?? [];
    const root = readers.length > 0 ? rootOf.get(readers[0]!) : undefined;
    const joins =
      root !== undefined &&
      !outputs.has(node) &&
      readers.every((user) => rootOf.get(user) === root) &&
      String(sizesOf(root.type.shape)) === String(sizesOf(node.type.shape)) &&
      size.get(root)! < MAX_MEMBERS;
    rootOf.set(node, joins ? root : node);
    const owner = joins ? root : node;
    size.set(owner, (size.get(owner) ?? 0) + 1);
  }
  return rootOf;
}

/** The values of the group of `root`. */
export function membersOf(root: Node, rootOf: ReadonlyMap<Node, Node>): Node[] {
  const members = new Set<Node>();
  const visit = (node: Node): void => {
    if (members.has(node)) return;
    members.add(node);
    for (const x of node.inputs) if (rootOf.get(x) === root) visit(x);
  };
  visit(root);
  return [...members];
}

/** One instruction of the kernel's register program. */
export interface Instruction {
  readonly opcode: string;
  readonly dst: number;
  readonly a: number;
  readonly b: number;
}

/** A group as the kernel runs it; registers 0 … inputs−1 hold the inputs. */
export interface ClusterProgram {
  readonly inputs: readonly Node[];
  readonly constants: readonly number[];
  readonly instructions: readonly Instruction[];
  readonly result: number;
}

export function programOf(root: Node, rootOf: ReadonlyMap<Node, Node>): ClusterProgram {
  const inputs: Node[] = [];
  const constants: number[] = [];
  const instructions: Instruction[] = [];
  const collect = (node: Node): void => {
    for (const x of node.inputs) {
      if (rootOf.get(x) === root && x !== root) collect(x);
      else if (constantValue(x) === undefined && !inputs.includes(x)) inputs.push(x);
    }
  };
  collect(root);

  const registers = new Map<Node, number>(inputs.map((x, i) => [x, i]));
  let next = inputs.length;
  const place = (node: Node): number => {
    const known = registers.get(node);
    if (known !== undefined) return known;
    const value = constantValue(node);
    if (value !== undefined) {
      instructions.push({ opcode: "const", dst: next, a: constants.length, b: 0 });
      constants.push(value);
    } else {
      const operands = node.inputs.map(place);
      const [a, b] = [operands[0]!, operands[1] ?? 0];
      instructions.push({ opcode: opOf(node).opcode!, dst: next, a, b });
    }
    registers.set(node, next);
    next += 1;
    return next - 1;
  };
  const result = place(root);
  return { inputs, constants, instructions, result };
}
