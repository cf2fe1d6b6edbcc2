/**
 * The call of the kernel `rowwise` that computes a group of `row_groups.ts`.
 *
 *     y = mul(x, rsqrt(mean(mul(x, x))))    registers    0  x
 *                                                        1  mul 0 0       a row
 *                                                        2  mean 1        a number
 *                                                        3  rsqrt 2       a number
 *                                                        4  mul 0 3       a row, written to y
 */
import { opcodeNumber, ROW_REDUCTION } from "../compiler/bundle/opcodes.ts";
import type { Node } from "../compiler/ir/node.ts";
import { opOf } from "../compiler/ops/define.ts";
import type { View } from "../compiler/ops/host.ts";
import { bug } from "../compiler/support/bug.ts";
import { collapseAxes } from "./collapse.ts";
import { broadcastTo, elementsIn } from "./host_views.ts";
import {
  type Role,
  type RowGroup,
  reductionKind,
  roleIn,
  seenThrough,
  uniformValue,
} from "./row_groups.ts";

/** Where a member goes that is read outside of the group. */
export interface RowOutput {
  readonly node: Node;
  readonly view: View;
  readonly write: number;
}

export interface RowwiseCall {
  readonly operands: readonly View[];
  readonly ints: readonly number[];
  readonly floats: readonly number[];
}

/** Kinds of outputs, as the kernel counts them. */
const KIND: Readonly<Record<Role, number>> = { full: 0, row: 1, flat: 1, column: 2 };

/** Operands that are values in memory, each once. */
export function inputsOf({ members, space }: RowGroup): Node[] {
  const inside = new Set(members);
  const inputs = members
    .flatMap((m) => m.inputs)
    .filter((x) => uniformValue(x) === undefined && !inside.has(seenThrough(x, space)));
  return [...new Set(inputs)];
}

/** Strides over [L…] and along n. */
function stridesIn(view: View, role: Role, space: readonly number[]): number[] {
  const lead = space.slice(0, -1);
  switch (role) {
    case "full":
      return [...broadcastTo(view, space).strides];
    case "row":
      return [...broadcastTo(view, [...lead, 1]).strides.slice(0, -1), 0];
    case "flat":
      return [...broadcastTo(view, lead).strides, 0];
    case "column":
      return [...lead.map(() => 0), view.strides[view.strides.length - 1]!];
  }
}

interface Input {
  readonly view: View;
  readonly strides: readonly number[];
}

/** The call that computes `group` from the views of what it reads. */
export function rowwiseCall(
  group: RowGroup,
  viewOf: (x: Node) => View,
  outputs: readonly RowOutput[],
): RowwiseCall {
  const { members, space } = group;
  const inside = new Set(members);
  const rows = elementsIn(space.slice(0, -1));
  const inputs: Input[] = [];
  const inputNumbers = new Map<string, number>();
  const inputRegister = (x: Node, role: Role): number => {
    const view = viewOf(x);
    const strides = stridesIn(view, role, space);
    const key = [view.storage, view.offset, ...strides].join();
    const known = inputNumbers.get(key);
    if (known !== undefined) return known;
    inputNumbers.set(key, inputs.length);
    inputs.push({ view, strides });
    return inputs.length - 1;
  };
  /** Members read in two ways, with other strides, are two inputs; so all are counted before. */
  const roleOfOperands = (member: Node): Role =>
    reductionKind(member) === undefined ? roleIn(member, space)! : "full";
  for (const member of members) {
    for (const x of member.inputs) {
      if (uniformValue(x) !== undefined || inside.has(seenThrough(x, space))) continue;
      inputRegister(x, roleOfOperands(member));
    }
  }

  const code: number[] = [];
  const floats: number[] = [];
  const registers = new Map<Node, number>();
  const constants = new Map<number, number>();
  const put = (opcode: number, a: number, b = 0): number => {
    code.push(opcode, a, b);
    return inputs.length + code.length / 3 - 1;
  };
  const constant = (value: number): number => {
    const known = constants.get(value);
    if (known !== undefined) return known;
    const register = put(numberOf("const"), floats.push(value) - 1);
    constants.set(value, register);
    return register;
  };
  /** silu(x) = x · sigmoid(x), where both are computed. */
  const sigmoids = new Map(
    members.filter((m) => m.op.name === "sigmoid").map((m) => [m.inputs[0]!, m]),
  );
  const register = (x: Node, role: Role): number => {
    const value = uniformValue(x);
    if (value !== undefined) return constant(value);
    const source = seenThrough(x, space);
    return inside.has(source) ? registerOf(source) : inputRegister(x, role);
  };
  /** What is read is computed first; what nobody reads, never. */
  const registerOf = (member: Node): number => {
    const known = registers.get(member);
    if (known !== undefined) return known;
    const made = compute(member);
    registers.set(member, made);
    return made;
  };
  const compute = (member: Node): number => {
    const role = roleOfOperands(member);
    const [x, y] = member.inputs;
    const kind = reductionKind(member);
    if (kind === undefined) {
      const factor = factorOfOne(member);
      if (factor !== undefined) return register(factor, role);
      const a = register(x!, role);
      const gate = member.op.name === "silu" ? sigmoids.get(x!) : undefined;
      if (gate !== undefined) return put(numberOf("mul"), a, registerOf(gate));
      const b = y === undefined ? 0 : register(y, role);
      return put(numberOf(opOf(member).opcode!), a, b);
    }
    if (roleIn(member, space) === "column") {
      // The kernel adds the rows up; their mean is the sum of their shares.
      const a = register(x!, role);
      return kind === 2 ? put(numberOf("mul"), a, constant(1 / rows)) : a;
    }
    // Σ −x = −Σ x, where the second takes one number and the first a row.
    if (kind !== 1 && x!.op.name === "neg" && inside.has(x!))
      return put(numberOf("neg"), put(ROW_REDUCTION + kind, register(x!.inputs[0]!, role)));
    return put(ROW_REDUCTION + kind, register(x!, role));
  };
  for (const { node } of outputs) registerOf(node);

  const arrays = [
    ...inputs.map((x) => x.strides),
    ...outputs.map(({ node, view }) => stridesIn(view, roleIn(node, space)!, space)),
  ];
  const lead = collapseAxes(
    space.slice(0, -1),
    arrays.map((s) => s.slice(0, -1)),
  );
  const strides = arrays.map((s, i) => [...lead.strides[i]!, s[s.length - 1]!]);
  const ints = [lead.shape.length, ...lead.shape, space[space.length - 1]!];
  ints.push(inputs.length, ...strides.slice(0, inputs.length).flat(), outputs.length);
  for (const [i, { node, write }] of outputs.entries()) {
    const kind = KIND[roleIn(node, space)!];
    ints.push(...strides[inputs.length + i]!, kind, write, registers.get(node)!);
  }
  ints.push(code.length / 3, ...code);
  return { operands: [...inputs.map((x) => x.view), ...outputs.map((o) => o.view)], ints, floats };
}

/** x, where `node` is 1 · x or x · 1. */
function factorOfOne(node: Node): Node | undefined {
  if (node.op.name !== "mul") return undefined;
  const [x, y] = node.inputs;
  if (uniformValue(x!) === 1) return y;
  return uniformValue(y!) === 1 ? x : undefined;
}

function numberOf(opcode: string): number {
  return opcodeNumber(opcode) ?? bug(`no host instruction ${opcode}`);
}
