/**
 * Sums of gradients over the ranks of a run, each as soon as its gradients are complete.
 *
 *     matmul(…) → grad.down                 matmul(…) → grad.down
 *     matmul(…) → grad.up                   matmul(…) → grad.up
 *     …                             ⇒       all_reduce(grad.down, grad.up)      beside what follows
 *     embedding_grad(…) → grad.embed        …
 *                                           embedding_grad(…) → grad.embed
 *                                           all_reduce(grad.embed)
 *
 * Small gradients travel together: a message has a price of its own. Ranks may run different programs in one
 * group, and one of them none, so every program sums the same gradients together, in the same order.
 */
import { isWritten } from "../compiler/bundle/effects.ts";
import { bug } from "../compiler/support/bug.ts";
import { denseView } from "./host_views.ts";
import { addProgram, type PendingCommand, type PlanBuilder } from "./plan_builder.ts";

/** The program that does nothing but sum. */
export const REDUCE = "reduce";

/** Elements from which on gradients do not wait for more: 1 MB. */
const ENOUGH = 2 ** 18;
/** Operands of one command at most. */
const MOST = 32;

/**
 * Adds the sums of `gradients`, names of state storages, to `programs`, and the program `REDUCE`. The first of
 * the programs says which gradients are complete first.
 */
export function addAllReduces(
  plan: PlanBuilder,
  programs: readonly string[],
  gradients: readonly string[],
  enough = ENOUGH,
): void {
  const storages = new Set(gradients.map((name) => plan.states.get(name) ?? bug(`no ${name}`)));
  const commandsOf = (name: string): PendingCommand[] =>
    plan.programs.find((p) => p.name === name)?.commands ?? bug(`no program ${name}`);
  const buckets = bucketsOf(plan, commandsOf(programs[0]!), storages, enough);
  for (const name of programs) {
    const commands = commandsOf(name);
    const lasts = lastWrites(commands, storages);
    // They run in their order anyway, so none stands before the one that goes first.
    let after = -1;
    const places = buckets.map((bucket) => {
      after = Math.max(after, ...bucket.map((storage) => lasts.get(storage) ?? -1));
      return after;
    });
    const sumsAfter = (at: number): PendingCommand[] =>
      buckets.filter((_, i) => places[i] === at).map((bucket) => sumOf(plan, bucket));
    const whole = commands.flatMap((command, at) => [command, ...sumsAfter(at)]);
    commands.splice(0, commands.length, ...sumsAfter(-1), ...whole);
  }
  addProgram(plan, REDUCE).push(...buckets.map((bucket) => sumOf(plan, bucket)));
}

/** Per storage, the last command that writes it. */
function lastWrites(
  commands: readonly PendingCommand[],
  storages: ReadonlySet<number>,
): Map<number, number> {
  const lasts = new Map<number, number>();
  for (const [at, command] of commands.entries()) {
    for (const [i, view] of command.operands.entries())
      if (view !== null && storages.has(view.storage) && isWritten(command, i))
        lasts.set(view.storage, at);
  }
  return lasts;
}

/** Storages that are summed together, in the order in which they are complete. */
function bucketsOf(
  plan: PlanBuilder,
  commands: readonly PendingCommand[],
  storages: ReadonlySet<number>,
  enough: number,
): number[][] {
  const lasts = lastWrites(commands, storages);
  const order = [...storages].sort((a, b) => (lasts.get(a) ?? -1) - (lasts.get(b) ?? -1) || a - b);
  const buckets: number[][] = [];
  let [bucket, elements]: [number[], number] = [[], 0];
  for (const storage of order) {
    bucket.push(storage);
    elements += plan.storages[storage]!.elements;
    if (elements < enough && bucket.length < MOST) continue;
    buckets.push(bucket);
    [bucket, elements] = [[], 0];
  }
  return bucket.length === 0 ? buckets : [...buckets, bucket];
}

function sumOf(plan: PlanBuilder, bucket: readonly number[]): PendingCommand {
  const sizes = bucket.map((storage) => plan.storages[storage]!.elements);
  const [first] = bucket.map((storage) => plan.storages[storage]!.name);
  return {
    kernel: "all_reduce",
    operands: bucket.map((storage, i) => denseView(storage, [sizes[i]!])),
    ints: sizes,
    floats: [],
    label:
      bucket.length === 1 ? `sum of ${first}` : `sum of ${first} and ${bucket.length - 1} more`,
  };
}
