/**
 * Collects what becomes a session plan: storages, commands, programs.
 *
 * Several graphs (a micro-step, an evaluation, the optimizer) lower into one builder and share state
 * storages by name: parameters, gradients, inputs. Scratch storages belong to one program; the
 * memory planner lets them share bytes when their lives do not overlap.
 */

import { laneOf, orderOf } from "../compiler/bundle/effects.ts";
import type {
  Command,
  EnginePlan,
  PlanBuffer,
  PlanProgram,
  SessionPlan,
} from "../compiler/bundle/plan.ts";
import type { View } from "../compiler/ops/host.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { mergeCommands } from "./host_merge.ts";
import { overlap } from "./overlap.ts";
import { type Life, placeByLife } from "./plan_memory.ts";

export type StorageDType = "f32" | "i32" | "f64";

interface Storage {
  readonly name: string;
  readonly dtype: StorageDType;
  readonly elements: number;
  readonly isState: boolean;
}

/** A value computed at compile time that a session starts with. */
export interface InitialData {
  readonly buffer: string;
  readonly data: Float32Array;
}

/** A command whose operands are not placed yet. */
export interface PendingCommand {
  readonly kernel: string;
  readonly operands: readonly (View | null)[];
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly label: string;
}

const BYTES: Readonly<Record<StorageDType, number>> = { f32: 4, i32: 4, f64: 8 };
const ALIGNMENT = 64;

export interface PlanBuilder {
  readonly storages: Storage[];
  readonly states: Map<string, number>;
  readonly programs: { readonly name: string; readonly commands: PendingCommand[] }[];
  readonly initial: InitialData[];
}

export function newPlan(): PlanBuilder {
  return { storages: [], states: new Map(), programs: [], initial: [] };
}

/** The state storage of a name: the same one each time; sizes must agree. */
export function stateStorage(
  plan: PlanBuilder,
  name: string,
  dtype: StorageDType,
  elements: number,
): number {
  const known = plan.states.get(name);
  if (known !== undefined) {
    const storage = plan.storages[known]!;
    invariant(
      storage.elements === elements && storage.dtype === dtype,
      `state ${name} is used with ${storage.elements} and with ${elements} elements`,
    );
    return known;
  }
  plan.storages.push({ name, dtype, elements, isState: true });
  plan.states.set(name, plan.storages.length - 1);
  return plan.storages.length - 1;
}

/** A new storage that lives inside one run of one program. */
export function scratchStorage(plan: PlanBuilder, elements: number, name = "scratch"): number {
  const index = plan.storages.length;
  const number = index - plan.states.size;
  plan.storages.push({ name: `${name}.${number}`, dtype: "f32", elements, isState: false });
  return index;
}

export function isState(plan: PlanBuilder, storage: number): boolean {
  return plan.storages[storage]!.isState;
}

/** Adds a program; commands are appended to the array that is returned. */
export function addProgram(plan: PlanBuilder, name: string): PendingCommand[] {
  invariant(!plan.programs.some((p) => p.name === name), `two programs are called ${name}`);
  const commands: PendingCommand[] = [];
  plan.programs.push({ name, commands });
  return commands;
}

/** First and last command that touches each scratch storage of a program. */
function livesOf(plan: PlanBuilder, commands: readonly PendingCommand[]): Life[] {
  const lives = new Map<number, { first: number; last: number }>();
  for (const [at, command] of commands.entries()) {
    for (const view of command.operands) {
      if (view === null || isState(plan, view.storage)) continue;
      const life = lives.get(view.storage);
      if (life === undefined) lives.set(view.storage, { first: at, last: at });
      else life.last = at;
    }
  }
  return [...lives].map(([id, life]) => ({ id, ...life, bytes: bytesOf(plan.storages[id]!) }));
}

function bytesOf(storage: Storage): number {
  return Math.ceil((storage.elements * BYTES[storage.dtype]) / ALIGNMENT) * ALIGNMENT;
}

export interface BuiltPlan {
  readonly plan: SessionPlan;
  readonly initial: readonly InitialData[];
}

/**
 * Places every storage and flattens the commands. With an engine, commands of programs that call it are put in
 * the order in which they can run beside its calls. Sums over ranks run beside commands that stay as they are.
 */
export function finishPlan(plan: PlanBuilder, engine?: EnginePlan): BuiltPlan {
  const buffers: PlanBuffer[] = [];
  const indexOf = new Map<number, number>();
  let stateBytes = 0;
  for (const [id, storage] of plan.storages.entries()) {
    if (!storage.isState) continue;
    const { name, dtype } = storage;
    indexOf.set(id, buffers.length);
    buffers.push({
      name,
      arena: "state",
      dtype,
      offset: stateBytes,
      bytes: storage.elements * BYTES[dtype],
    });
    stateBytes += bytesOf(storage);
  }

  let scratchBytes = 0;
  const programs: PlanProgram[] = [];
  for (const { name, commands: written } of plan.programs) {
    const isScratch = (storage: number): boolean => !isState(plan, storage);
    const merged = mergeCommands(written, isScratch);
    const calls = merged.some((c) => c.kernel === "engine_call") ? engine : undefined;
    const beside = calls === undefined ? undefined : overlap(merged, calls);
    const commands = beside?.commands ?? merged;
    const lives =
      beside?.livesOf((id) => bytesOf(plan.storages[id]!), isScratch) ?? livesOf(plan, merged);
    const { offsets, total } = placeByLife(lives);
    scratchBytes = Math.max(scratchBytes, total);
    for (const [id, offset] of offsets) {
      const storage = plan.storages[id]!;
      indexOf.set(id, buffers.length);
      const bytes = storage.elements * BYTES[storage.dtype];
      buffers.push({ name: storage.name, arena: "scratch", dtype: storage.dtype, offset, bytes });
    }
    const flat = commands.map((c) => flatten(c, indexOf));
    const isBeside = beside !== undefined || merged.some((c) => laneOf(c.kernel) === "network");
    const after = isBeside ? orderOf({ commands: flat }, buffers, calls?.calls ?? []) : undefined;
    const order = after?.map((list, i) => ({ after: list, rank: beside?.ranks[i] ?? i }));
    programs.push({ name, commands: flat, ...(order === undefined ? {} : { order }) });
  }
  const made = { version: 1, stateBytes, scratchBytes, buffers, programs } as const;
  return { plan: engine === undefined ? made : { ...made, engine }, initial: plan.initial };
}

function flatten(command: PendingCommand, indexOf: ReadonlyMap<number, number>): Command {
  return {
    kernel: command.kernel,
    operands: command.operands.map((view) =>
      view === null
        ? { buffer: -1, offset: 0 }
        : {
            buffer: indexOf.get(view.storage) ?? bug(`storage ${view.storage} was not placed`),
            offset: view.offset,
          },
    ),
    ints: command.ints,
    floats: command.floats,
    label: command.label,
  };
}
