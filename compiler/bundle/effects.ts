/**
 * What a command of a plan touches, and so which commands of a program have to wait for which.
 *
 *     engine_write(x → surface 0)     waits for what made x
 *     engine_call(0)                  waits for what lies on its surfaces
 *     matmul(x, dy → grad.w)          waits for x and dy alone, and may run while the call does
 *
 * Two commands conflict where they touch the same bytes, or the same surface, and one of them writes; the
 * later one then waits for the earlier one. Buffers that share bytes, and views into one buffer, overlap, so
 * what is compared is where things lie and not what they are called. Any order that keeps conflicting commands
 * as they are gives the same bits.
 */
import type { Command, EnginePlan, PlanBuffer, PlanProgram } from "./plan.ts";

/** What carries a command out: the host's threads, the thread that stages, the one that dispatches, the one that sums. */
export type Lane = "host" | "staging" | "engine" | "network";

export function laneOf(kernel: string): Lane {
  if (kernel === "engine_call") return "engine";
  if (kernel === "all_reduce") return "network";
  return kernel.startsWith("engine_") ? "staging" : "host";
}

/** Bytes `begin` … `end` − 1 of a space: an arena, a storage that has no place yet, a surface. */
export interface Access {
  readonly space: string;
  readonly begin: number;
  readonly end: number;
  readonly writes: boolean;
  /** A surface is the host's while it is locked: the engine may not even read it then. */
  readonly by: "host" | "engine";
}

/** Operands that a kernel writes (`runtime-native/kernels/README.md`); it may read them as well. */
const WRITTEN: Readonly<Record<string, readonly number[]>> = {
  adamw: [0, 2, 3],
  attention: [3],
  attention_cached: [4],
  attention_grad: [4, 5, 6],
  copy: [1],
  cross_entropy: [2],
  cross_entropy_both: [3, 4],
  cross_entropy_grad: [3],
  embedding: [2],
  embedding_grad: [2],
  engine_call: [],
  engine_copy: [],
  engine_read: [0],
  engine_stage: [],
  engine_write: [],
  fill: [0],
  lion: [0, 2],
  matmul: [2],
  perturb: [0],
  perturb_stream: [0, 1],
  reduce: [1],
  rms_norm: [2],
  rms_norm_grad_w: [2],
  rms_norm_grad_x: [3],
  rope: [2],
  sanitize: [0],
  scale: [0],
  sgd: [0, 2],
  softmax: [1],
  softmax_grad: [2],
  sum_squares: [1],
  update_rows: [0],
};

/** Whether a command may write an operand. Of a kernel that is not known, every one. */
export function isWritten({ kernel, ints }: Pick<Command, "kernel" | "ints">, i: number): boolean {
  // [rank, shape…, inputs, …]: what follows the inputs are outputs.
  if (kernel === "elementwise") return i >= (ints[1 + (ints[0] ?? 0)] ?? 0);
  // [rank, shape…, n, inputs, …]
  if (kernel === "rowwise") return i >= (ints[2 + (ints[0] ?? 0)] ?? 0);
  return WRITTEN[kernel]?.includes(i) ?? true;
}

/** What a command touches beside memory: surfaces of the engine, and the ranks, who all sum in one order. */
export function outsideAccesses(
  { kernel, ints }: Pick<Command, "kernel" | "ints">,
  calls: EnginePlan["calls"],
): Access[] {
  const on = (surface: number, by: Access["by"], writes: boolean): Access => ({
    space: `surface ${surface}`,
    begin: 0,
    end: 1,
    ...{ writes, by },
  });
  switch (kernel) {
    case "all_reduce":
      return [{ space: "ranks", begin: 0, end: 1, writes: true, by: "host" }];
    case "engine_stage":
    case "engine_write":
      return [on(ints[0]!, "host", true)];
    case "engine_read":
      return [on(ints[0]!, "host", false)];
    case "engine_copy":
      return [on(ints[0]!, "host", false), on(ints[1]!, "host", true)];
    case "engine_call": {
      const { inputs = [], outputs = [] } = calls[ints[0]!] ?? {};
      return [
        ...inputs.map((s) => on(s, "engine", false)),
        ...outputs.map((s) => on(s, "engine", true)),
      ];
    }
    default:
      return [];
  }
}

function conflicts(a: Access, b: Access): boolean {
  const isAlone = a.writes || b.writes || a.by !== b.by;
  return isAlone && Math.max(a.begin, b.begin) < Math.min(a.end, b.end);
}

/**
 * Per command, the earlier commands that it has to wait for, ascending. What follows from others is left
 * out where a write has covered an earlier access.
 */
export function dependencies(accesses: readonly (readonly Access[])[]): number[][] {
  const spaces = new Map<string, { readonly access: Access; readonly at: number }[]>();
  return accesses.map((own, at) => {
    const after = new Set<number>();
    for (const access of own) {
      for (const earlier of spaces.get(access.space) ?? [])
        if (earlier.at !== at && conflicts(earlier.access, access)) after.add(earlier.at);
    }
    for (const access of own) {
      const { space, begin, end, writes } = access;
      // Whatever conflicts with an access that is covered here conflicts with this write too.
      const left = (spaces.get(space) ?? []).filter(
        (e) => !writes || e.at === at || e.access.begin < begin || e.access.end > end,
      );
      left.push({ access, at });
      spaces.set(space, left);
    }
    return [...after].sort((a, b) => a - b);
  });
}

/** What each command of a program waits for, by where its operands lie in the arenas. */
export function orderOf(
  { commands }: Pick<PlanProgram, "commands">,
  buffers: readonly PlanBuffer[],
  calls: EnginePlan["calls"],
): number[][] {
  return dependencies(
    commands.map((command) => [
      ...command.operands.flatMap(({ buffer }, i): Access[] => {
        const lies = buffers[buffer];
        if (lies === undefined) return [];
        const { arena: space, offset: begin, bytes } = lies;
        const writes = isWritten(command, i);
        return [{ space, begin, end: begin + bytes, writes, by: "host" }];
      }),
      ...outsideAccesses(command, calls),
    ]),
  );
}
