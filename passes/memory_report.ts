/**
 * What the memory of a plan goes to: state by kind, and the scratch of each program over time.
 *
 * State lives as long as the session. Scratch is one arena that all programs share; of each program,
 * the report says which buffers are alive when most bytes are.
 */
import type { PlanBuffer, PlanProgram, SessionPlan } from "../compiler/bundle/plan.ts";

/** A buffer of a program's scratch. Commands are counted from 0; both ends are included. */
export interface BufferLife {
  readonly name: string;
  readonly bytes: number;
  readonly offset: number;
  readonly first: number;
  readonly last: number;
}

export interface ProgramMemory {
  readonly name: string;
  readonly commands: number;
  /** End of the buffer that lies last. */
  readonly arenaBytes: number;
  /** The most bytes alive at once: no placement needs less. */
  readonly liveBytes: number;
  /** The command at which they are alive, the first if several; and what it computes. */
  readonly peak: { readonly command: number; readonly label: string } | null;
  /** All buffers, the largest first. */
  readonly buffers: readonly BufferLife[];
}

export interface StateMemory {
  readonly kind: string;
  readonly bytes: number;
  readonly buffers: number;
}

export interface MemoryReport {
  /** Bytes that live as long as the session, by what they are; the largest first. */
  readonly state: readonly StateMemory[];
  readonly stateBytes: number;
  readonly programs: readonly ProgramMemory[];
  /** The largest arena of a program. */
  readonly scratchBytes: number;
  readonly totalBytes: number;
}

/** Kinds of state, by how their names begin. */
const KINDS: readonly (readonly [prefix: string, kind: string])[] = [
  ["param.", "parameters"],
  ["grad.", "gradients"],
  ["output.grad.", "gradients"],
  ["output.", "outputs"],
  ["adam.m.", "moments"],
  ["adam.v.", "moments"],
  ["lion.m.", "moments"],
  ["sgd.m.", "moments"],
  ["input.", "inputs"],
  ["constant.", "constants"],
];

export function memoryReport(plan: SessionPlan): MemoryReport {
  return {
    state: stateOf(plan),
    stateBytes: plan.stateBytes,
    programs: plan.programs.map((program) => programMemory(program, plan.buffers)),
    scratchBytes: plan.scratchBytes,
    totalBytes: plan.stateBytes + plan.scratchBytes,
  };
}

/** Bytes are those between a buffer and the next, so that the sum is the arena. */
function stateOf({ buffers, stateBytes }: SessionPlan): StateMemory[] {
  const state = buffers.filter((b) => b.arena === "state");
  const sums = new Map<string, { bytes: number; buffers: number }>();
  for (const [i, { name, offset }] of state.entries()) {
    const kind = KINDS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? "other";
    const sum = sums.get(kind) ?? { bytes: 0, buffers: 0 };
    const bytes = (state[i + 1]?.offset ?? stateBytes) - offset;
    sums.set(kind, { bytes: sum.bytes + bytes, buffers: sum.buffers + 1 });
  }
  return [...sums].map(([kind, sum]) => ({ kind, ...sum })).sort((a, b) => b.bytes - a.bytes);
}

function programMemory(
  { name, commands }: PlanProgram,
  buffers: readonly PlanBuffer[],
): ProgramMemory {
  const lives = livesOf(commands, buffers);
  const change = new Float64Array(commands.length + 1);
  for (const { first, last, bytes } of lives) {
    change[first] = change[first]! + bytes;
    change[last + 1] = change[last + 1]! - bytes;
  }
  let [live, liveBytes, at] = [0, 0, -1];
  for (const command of commands.keys()) {
    live += change[command]!;
    if (live > liveBytes) [liveBytes, at] = [live, command];
  }
  return {
    ...{ name, commands: commands.length, liveBytes },
    arenaBytes: lives.reduce((end, b) => Math.max(end, b.offset + b.bytes), 0),
    peak: at < 0 ? null : { command: at, label: commands[at]!.label },
    buffers: lives,
  };
}

function livesOf(commands: PlanProgram["commands"], buffers: readonly PlanBuffer[]): BufferLife[] {
  const lives = new Map<number, BufferLife>();
  for (const [at, { operands }] of commands.entries()) {
    for (const { buffer } of operands) {
      const found = buffers[buffer];
      if (found?.arena !== "scratch") continue;
      const { name, bytes, offset } = found;
      const first = lives.get(buffer)?.first ?? at;
      lives.set(buffer, { name, bytes, offset, first, last: at });
    }
  }
  return [...lives.values()].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
}

/** The buffers that are alive when a program's `command` runs, the largest first. */
export function aliveAt({ buffers }: ProgramMemory, command: number): BufferLife[] {
  return buffers.filter((b) => b.first <= command && command <= b.last);
}
