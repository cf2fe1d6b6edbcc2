/**
 * Groups values that one pass over the rows of a tensor can compute: elementwise ops, sums and maxima of
 * rows, and sums over the rows. Values of a group that are read elsewhere are all written by that pass.
 *
 *     s = mul(x, x)         [S, D]  ┐
 *     m = reduce_mean(s)    [S, 1]  │ one group in the space [S, D]: x is read once,
 *     r = rsqrt(add(m, ε))  [S, 1]  │ and only y reaches memory
 *     y = mul(x, r)         [S, D]  ┘
 *
 * Every group has a position in the order of the graph: what it reads lies before it, what reads it lies
 * behind. Two groups become one where the later one can move to the place of the earlier one, or the other way
 * round, so groups never wait for each other. One or two elementwise values with one result are left to
 * `elementwise_clusters.ts`.
 */
import { constantValue, type Graph } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { isElementwise } from "./elementwise_clusters.ts";
import { canAdd } from "./host_merge.ts";

/** Shorter rows are left to loops over elements. */
export const LEAST_ROW = 32;

/** What `rowwise` holds; a constant takes an instruction. */
const MOST = { inputs: 24, outputs: 8, instructions: 64 } as const;

/** What a value is in the space [L…, n] of a group. */
export type Role =
  /** [L…, n]: a number for each element. */
  | "full"
  /** [L…, 1]: one for each row. */
  | "row"
  /** [L…]: the same without the last axis. */
  | "flat"
  /** A sum over all rows. Only others read it. */
  | "column";

export interface RowGroup {
  /** [L…, n] */
  readonly space: readonly number[];
  /** In the order of the graph. */
  readonly members: readonly Node[];
  /** The member at whose place in the order the group is computed. */
  readonly anchor: Node;
}

export interface GroupOptions {
  readonly order: readonly Node[];
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  /** Values that are computed elsewhere. */
  readonly excluded: ReadonlySet<Node>;
  /** Values made where they are read: views, and what is computed again. */
  readonly late: ReadonlySet<Node>;
  /** Shorter rows are left alone. */
  readonly leastRow: number;
}

/** 0 sum, 1 max, 2 mean, as the kernels count them; undefined for other ops. */
export function reductionKind(node: Node): number | undefined {
  const kind = ["reduce_sum", "reduce_max", "reduce_mean"].indexOf(node.op.name);
  return kind < 0 ? undefined : kind;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

function shapeRole(shape: readonly number[], space: readonly number[]): Role | undefined {
  const lead = space.slice(0, -1);
  if (same(shape, space)) return "full";
  if (same(shape, [...lead, 1])) return "row";
  return same(shape, lead) ? "flat" : undefined;
}

/** What `node` would be as a member of a group; undefined if it cannot be one. */
export function roleIn(node: Node, space: readonly number[]): Role | undefined {
  const shape = sizesOf(node.type.shape);
  const kind = reductionKind(node);
  if (kind === undefined) return shapeRole(shape, space);
  if (!same(sizesOf(node.inputs[0]!.type.shape), space)) return undefined;
  const axes = node.attrs["axes"] as readonly number[];
  if (same(axes, [space.length - 1])) return node.attrs["keep"] === true ? "row" : "flat";
  const lead = space.slice(0, -1).map((_, i) => i);
  return kind !== 1 && same(axes, lead) ? "column" : undefined;
}

/**
 * The value that `x` repeats or shows in another shape, where that changes no row: from [L…] to [L…, 1] and
 * back, and from [L…, 1] to [L…, n].
 */
export function seenThrough(x: Node, space: readonly number[]): Node {
  let at = x;
  for (;;) {
    const from = at.inputs[0];
    if (from === undefined) return at;
    const to = shapeRole(sizesOf(at.type.shape), space);
    const role = shapeRole(sizesOf(from.type.shape), space);
    const isRow = (r: Role | undefined) => r === "row" || r === "flat";
    const keeps =
      at.op.name === "reshape"
        ? (isRow(role) && isRow(to)) || (role === "full" && to === "full")
        : at.op.name === "broadcast" && role === "row" && (to === "full" || to === "row");
    if (!keeps) return at;
    at = from;
  }
}

/** The value of every element, where that is one number known now. */
export function uniformValue(x: Node): number | undefined {
  let at = x;
  while (at.op.name === "broadcast" || at.op.name === "reshape") at = at.inputs[0]!;
  return constantValue(at);
}

interface Group {
  readonly members: readonly Node[];
  readonly space: readonly number[];
  /** Index in the order. */
  readonly position: number;
}

/** The group of each value that is in one of two or more. */
export function groupRows(graph: Graph, options: GroupOptions): Map<Node, RowGroup> {
  const grouper = new Grouper(graph, options);
  grouper.run();
  return grouper.result();
}

/** Members whose values are read outside of the group, or are `outputs` of the graph. */
export function outsideReaders(
  outputs: ReadonlySet<Node>,
  users: ReadonlyMap<Node, readonly Node[]>,
  late: ReadonlySet<Node>,
  isInside: (node: Node) => boolean,
): (node: Node) => boolean {
  const isRead = (node: Node): boolean =>
    outputs.has(node) ||
    (users.get(node) ?? []).some((u) => !isInside(u) && (!late.has(u) || isRead(u)));
  return isRead;
}

class Grouper {
  readonly #outputs: ReadonlySet<Node>;
  readonly #options: GroupOptions;
  readonly #index: ReadonlyMap<Node, number>;
  /** How many values before each index are no member of any group. */
  readonly #others: readonly number[];
  readonly #eligible: ReadonlySet<Node>;
  readonly #groups = new Map<Node, Group>();

  constructor(graph: Graph, options: GroupOptions) {
    this.#outputs = new Set(graph.outputs.map((o) => o.node));
    this.#options = options;
    const { order, late } = options;
    this.#index = new Map(order.map((node, i) => [node, i]));
    this.#eligible = new Set(order.filter((node) => canBeMember(node, options)));
    let count = 0;
    this.#others = order.map((node) => {
      const before = count;
      const isFree = late.has(node) || node.inputs.length === 0 || isElementwise(node);
      if (!isFree && reductionKind(node) === undefined) count += 1;
      return before;
    });
  }

  run(): void {
    for (const node of this.#options.order) {
      if (!this.#eligible.has(node)) continue;
      const isReduction = reductionKind(node) !== undefined;
      const space = sizesOf((isReduction ? node.inputs[0]! : node).type.shape);
      this.#groups.set(node, { members: [node], space, position: this.#index.get(node)! });
      while (this.#grow(this.#groups.get(node)!)) {
        // Each turn makes one group of two.
      }
    }
  }

  result(): Map<Node, RowGroup> {
    const made = new Map<Group, RowGroup>();
    const found = new Map<Node, RowGroup>();
    for (const [node, group] of this.#groups) {
      if (!this.#isWorthIt(group)) continue;
      const { space, members, position } = group;
      const rowGroup = made.get(group) ?? {
        space,
        members,
        anchor: this.#options.order[position]!,
      };
      made.set(group, rowGroup);
      found.set(node, rowGroup);
    }
    return found;
  }

  /** Whether one loop over the elements could not do the same. */
  #isWorthIt({ members }: Group): boolean {
    if (members.length < 2) return false;
    if (members.some((m) => reductionKind(m) !== undefined)) return true;
    const inside = new Set(members);
    const isRead = this.#readOutside((n) => inside.has(n));
    return members.length > 2 || members.filter(isRead).length > 1;
  }

  /** Joins the group with a neighbour, if there is one that it can be joined with. */
  #grow(group: Group): boolean {
    for (const other of this.#neighbours(group)) {
      const joined = this.#joined(group, other);
      if (joined === undefined) continue;
      for (const member of joined.members) this.#groups.set(member, joined);
      return true;
    }
    return false;
  }

  /** Groups that the members read, and those that read a whole operand of theirs. */
  #neighbours(group: Group): Set<Group> {
    const read = new Set<Group>();
    const beside = new Set<Group>();
    for (const x of group.members.flatMap((m) => m.inputs)) {
      const own = this.#groups.get(seenThrough(x, group.space));
      if (own !== undefined) read.add(own);
      if (!same(sizesOf(x.type.shape), group.space)) continue;
      for (const user of this.#options.users.get(x) ?? []) {
        const sibling = this.#groups.get(user);
        if (sibling !== undefined) beside.add(sibling);
      }
    }
    const all = new Set([...read, ...beside]);
    all.delete(group);
    return all;
  }

  #joined(a: Group, b: Group): Group | undefined {
    const [early, late] = a.position < b.position ? [a, b] : [b, a];
    const position = this.#place(early, late);
    if (position === undefined) return undefined;
    const reduces = [...a.members, ...b.members].some((m) => reductionKind(m) !== undefined);
    if (!reduces && [...a.members, ...b.members].some((m) => this.#isAddedInPlace(m)))
      return undefined;
    const members = [...a.members, ...b.members].sort(
      (x, y) => this.#index.get(x)! - this.#index.get(y)!,
    );
    const spaces = same(a.space, b.space) ? [a.space] : [early.space, late.space];
    const space = spaces.find((s) => this.#fits(members, s));
    return space && { members, space, position };
  }

  /** A sum for which nothing has to be computed: a kernel adds one of its terms to the other (`host_merge.ts`). */
  #isAddedInPlace(node: Node): boolean {
    const { late, users } = this.#options;
    if (node.op.name !== "add") return false;
    return node.inputs.some((x) => {
      let source = x;
      while (late.has(source) && source.inputs.length === 1) source = source.inputs[0]!;
      return canAdd(source.op.name) && users.get(source)?.length === 1;
    });
  }

  /** Where both can be computed: at the place of the one or of the other. */
  #place(early: Group, late: Group): number | undefined {
    const inEarly = new Set(early.members);
    const inLate = new Set(late.members);
    const isPast = this.#others[early.position] !== this.#others[late.position];
    const isSmall = ({ members, space }: Group, inside: ReadonlySet<Node>): boolean => {
      const isRead = this.#readOutside((n) => inside.has(n));
      return members.every((m) => roleIn(m, space) !== "full" || !isRead(m));
    };
    // No more that is large is kept than without, until its readers come.
    if (!isPast || isSmall(late, inLate) || this.#freesAsMuch(early, late)) {
      const sources = late.members.flatMap((m) => [...this.#sources(m)]);
      const isReady = sources.every(
        (x) => inEarly.has(x) || inLate.has(x) || this.#positionOf(x) < early.position,
      );
      if (isReady) return early.position;
    }
    if (isPast) return undefined;
    const readers = early.members.flatMap((m) => [...this.#readers(m)]);
    const isWaiting = readers.every(
      (x) => inEarly.has(x) || inLate.has(x) || this.#positionOf(x) > late.position,
    );
    return isWaiting ? late.position : undefined;
  }

  /** Whether as many large values are read for the last time as are made, where `late` is computed with `early`. */
  #freesAsMuch(early: Group, late: Group): boolean {
    const inside = new Set([...early.members, ...late.members]);
    const inLate = new Set(late.members);
    const isRead = this.#readOutside((n) => inLate.has(n));
    const isLarge = (x: Node) => same(sizesOf(x.type.shape), late.space);
    const isDone = (x: Node): boolean =>
      x.inputs.length > 0 &&
      [...this.#readers(x)].every((u) => inside.has(u) || this.#positionOf(u) < early.position);
    const sources = new Set(late.members.flatMap((m) => [...this.#sources(m)]));
    const freed = [...sources].filter((x) => !inLate.has(x) && isLarge(x) && isDone(x));
    return freed.length >= late.members.filter((m) => isLarge(m) && isRead(m)).length;
  }

  #readOutside(isInside: (node: Node) => boolean): (node: Node) => boolean {
    const { users, late } = this.#options;
    return outsideReaders(this.#outputs, users, late, isInside);
  }

  #positionOf(node: Node): number {
    if (node.inputs.length === 0) return -1;
    return this.#groups.get(node)?.position ?? this.#index.get(node)!;
  }

  /** What is read, past what is made where it is read. */
  #sources(node: Node, found = new Set<Node>()): Set<Node> {
    for (const x of node.inputs) {
      if (this.#options.late.has(x)) this.#sources(x, found);
      else found.add(x);
    }
    return found;
  }

  #readers(node: Node, found = new Set<Node>()): Set<Node> {
    for (const x of this.#options.users.get(node) ?? []) {
      if (this.#options.late.has(x)) this.#readers(x, found);
      else found.add(x);
    }
    return found;
  }

  /** Whether the kernel can compute all of these in this space. */
  #fits(members: readonly Node[], space: readonly number[]): boolean {
    if (space.length < 2 || space[space.length - 1]! < this.#options.leastRow) return false;
    const inside = new Set(members);
    const inputs = new Set<Node>();
    const constants = new Set<number>();
    for (const member of members) {
      const role = roleIn(member, space);
      if (role === undefined) return false;
      const needs = reductionKind(member) === undefined ? role : "full";
      for (const x of member.inputs) {
        const source = seenThrough(x, space);
        const value = uniformValue(x);
        if (value !== undefined) constants.add(value);
        else if (!inside.has(source)) {
          // A view of a member that is not just its rows: the member has to be there before.
          if ([...this.#sources(x)].some((s) => inside.has(s)) && this.#options.late.has(x))
            return false;
          inputs.add(x);
        } else {
          const as = shapeRole(sizesOf(x.type.shape), space);
          const isRead = as === needs || (as === "row" && needs === "full");
          if (!isRead || roleIn(source, space) === "column") return false;
        }
      }
    }
    const isRead = this.#readOutside((n) => inside.has(n));
    const outputs = members.filter(isRead).length;
    const means = members.filter((m) => roleIn(m, space) === "column").length;
    const negatives = members.filter((m) => m.op.name === "neg").length;
    const instructions = members.length + constants.size + 2 * means + negatives;
    return (
      inputs.size <= MOST.inputs && outputs <= MOST.outputs && instructions <= MOST.instructions
    );
  }
}

function canBeMember(node: Node, { late, excluded }: GroupOptions): boolean {
  const isKind = isElementwise(node) || reductionKind(node) !== undefined;
  return isKind && !excluded.has(node) && !late.has(node);
}
