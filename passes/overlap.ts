/**
 * Puts the commands of a program with an engine into the order that lets the most of them run at once.
 *
 *     before   call 1 · read · dw · dw · write · call 2        after   host               dw · dw
 *                                                                      staging    read · write · …
 *                                                                      engine     call 1 · call 2
 *
 * A list schedule on three lanes (host, staging, engine) with durations that the cost model guesses: of what
 * is ready, the command with the longest way to the end goes first. Products that only end in a gradient have
 * a short way and fill the time in which the engine is busy. The runtime goes by what has been done, not by
 * the guess; from the guess come ranks, and how long each storage has to be kept.
 */
import { dependencies, isWritten, laneOf, outsideAccesses } from "../compiler/bundle/effects.ts";
import type { EnginePlan } from "../compiler/bundle/plan.ts";
import { constantsOf, hostCost } from "../compiler/target/cost.ts";
import type { PendingCommand } from "./plan_builder.ts";
import type { Life } from "./plan_memory.ts";

export interface Overlapped {
  /** In the order in which they are expected to start. */
  readonly commands: readonly PendingCommand[];
  /** Per command, its place among all by urgency: 0 goes first. */
  readonly ranks: readonly number[];
  /** When each storage is first and last touched, for `placeByLife`. */
  livesOf(bytesOf: (storage: number) => number, isScratch: (storage: number) => boolean): Life[];
}

/** `engine` is what the commands' calls are calls of. */
export function overlap(commands: readonly PendingCommand[], engine: EnginePlan): Overlapped {
  const after = dependencies(
    commands.map((command) => [
      ...command.operands.flatMap((view, i) =>
        view === null ? [] : [wholeStorage(view.storage, isWritten(command, i))],
      ),
      ...outsideAccesses(command, engine.calls),
    ]),
  );
  const costs = commands.map((c) => millisecondsOf(c, engine));
  const ways = longestWays(after, costs);
  const { starts, ends } = simulate(commands, after, costs, ways);
  const order = [...commands.keys()].sort((a, b) => starts[a]! - starts[b]! || a - b);
  const byWay = [...order].sort((a, b) => ways[b]! - ways[a]! || a - b);
  const rankOf = new Map(byWay.map((command, rank) => [command, rank]));
  return {
    commands: order.map((i) => commands[i]!),
    ranks: order.map((i) => rankOf.get(i)!),
    livesOf: (bytesOf, isScratch) => livesIn(commands, { starts, ends }, bytesOf, isScratch),
  };
}

function wholeStorage(storage: number, writes: boolean) {
  return { space: `storage ${storage}`, begin: 0, end: 1, writes, by: "host" } as const;
}

/** The chip of the guess; ranks hardly depend on it. */
const CONSTANTS = constantsOf("m4");
/** No command takes no time: what waits for it starts later. */
const LEAST_MS = 1e-3;

function millisecondsOf({ kernel, operands, ints }: PendingCommand, engine: EnginePlan): number {
  const elements = operands.reduce((n, v) => n + (v === null ? 0 : product(v.shape)), 0);
  const host = (work: Parameters<typeof hostCost>[0]): number =>
    Math.max(LEAST_MS, hostCost(work, CONSTANTS).total);
  switch (kernel) {
    case "engine_call":
      return callMilliseconds(ints[0]!, engine);
    case "engine_copy":
      return host({ movedBytes: 2 * ints[6]! * ints[7]! });
    case "engine_write":
    case "engine_read":
      return host({ copiedBytes: 2 * elements });
    case "matmul":
      return host({ flops: 2 * product(ints.slice(0, 4)) });
    default:
      return host({ streamedBytes: 4 * elements });
  }
}

function callMilliseconds(index: number, { calls, programs }: EnginePlan): number {
  const { chip } = CONSTANTS;
  const program = programs[calls[index]!.program]!;
  const ports = [...program.inputs, ...program.outputs];
  const bytes = ports.reduce((n, { shape }) => n + 2 * product(shape), 0);
  const work = program.flops / (chip.productTflops * 1e9);
  return chip.dispatchMs + Math.max(work, bytes / (chip.streamGBs * 1e6));
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}

/** Per command, the time from its start to the end of the last command that waits for it. */
function longestWays(after: readonly (readonly number[])[], costs: readonly number[]): number[] {
  const ways = [...costs];
  for (let i = after.length - 1; i >= 0; i--)
    for (const before of after[i]!)
      ways[before] = Math.max(ways[before]!, costs[before]! + ways[i]!);
  return ways;
}

interface Times {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

function simulate(
  commands: readonly PendingCommand[],
  after: readonly (readonly number[])[],
  costs: readonly number[],
  ways: readonly number[],
): Times {
  const starts = new Array<number>(commands.length).fill(0);
  const ends = new Array<number>(commands.length).fill(0);
  const users = commands.map((): number[] => []);
  for (const [i, list] of after.entries()) for (const before of list) users[before]!.push(i);
  const waiting = after.map((list) => list.length);
  const lanes = { host: newLane(), staging: newLane(), engine: newLane(), network: newLane() };
  const laneAt = (i: number) => lanes[laneOf(commands[i]!.kernel)];
  for (const i of commands.keys()) if (waiting[i] === 0) laneAt(i).ready.push(i);
  for (let now = 0; ; ) {
    for (const lane of Object.values(lanes)) {
      if (lane.running !== undefined || lane.ready.length === 0) continue;
      const next = lane.ready.reduce((a, b) => (ways[b]! > ways[a]! ? b : a));
      lane.ready.splice(lane.ready.indexOf(next), 1);
      lane.running = next;
      starts[next] = now;
      ends[next] = now + costs[next]!;
    }
    const running = Object.values(lanes).flatMap((l) => l.running ?? []);
    if (running.length === 0) return { starts, ends };
    now = Math.min(...running.map((i) => ends[i]!));
    for (const done of running.filter((i) => ends[i]! === now)) {
      laneAt(done).running = undefined;
      for (const user of users[done]!) {
        waiting[user] = waiting[user]! - 1;
        if (waiting[user] === 0) laneAt(user).ready.push(user);
      }
    }
  }
}

function newLane(): { ready: number[]; running: number | undefined } {
  return { ready: [], running: undefined };
}

/** Lives in steps of the guessed time: what ends when another starts is over by then. */
function livesIn(
  commands: readonly PendingCommand[],
  { starts, ends }: Times,
  bytesOf: (storage: number) => number,
  isScratch: (storage: number) => boolean,
): Life[] {
  const moments = [...new Set([...starts, ...ends])].sort((a, b) => a - b);
  const at = new Map(moments.map((moment, i) => [moment, 2 * i]));
  const lives = new Map<number, { first: number; last: number }>();
  for (const [i, { operands }] of commands.entries()) {
    const [first, last] = [at.get(starts[i]!)!, at.get(ends[i]!)! - 1];
    for (const view of operands) {
      if (view === null || !isScratch(view.storage)) continue;
      const life = lives.get(view.storage) ?? { first, last };
      life.first = Math.min(life.first, first);
      life.last = Math.max(life.last, last);
      lives.set(view.storage, life);
    }
  }
  return [...lives].map(([id, life]) => ({ id, ...life, bytes: bytesOf(id) }));
}
