/**
 * Runs of a search on other ranks: rank 0 asks, the others answer.
 *
 *     rank 0 → rank 2    { "kind": "run", "id": 7, "wanted": … }     or "stop" for one that is not wanted any more
 *     rank 2 → rank 0    { "kind": "ran", "id": 7, "run": … }        or "failed", with what ends the search
 *     rank 0 → all       { "kind": "end" }
 *
 * Each rank carries its runs out in processes of its own, as a search alone does.
 */
import { setTimeout as wait } from "node:timers/promises";
import { searchDataChanged } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import type { World } from "../../runtime-native/js/ranks.ts";
import type { Measure, WantedRun } from "./experiment.ts";
import type { RunRecord } from "./record.ts";

type Asked =
  | { readonly kind: "run"; readonly id: number; readonly wanted: WantedRun }
  | { readonly kind: "stop"; readonly id: number }
  | { readonly kind: "end" };

type Answer =
  | { readonly kind: "ran"; readonly id: number; readonly run: RunRecord }
  | { readonly kind: "stopped"; readonly id: number }
  /** The data of this rank are others. */
  | { readonly kind: "changed"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly words: string };

/** What of a world runs are passed on by. */
export type Mail = Pick<World, "size" | "send" | "receive">;

/** Milliseconds between two looks for messages. */
const LOOK_EVERY = 5;

export interface RankPool {
  /** One for each worker of each other rank. */
  readonly runners: readonly Measure[];
  /** The search is over. */
  end(): void;
}

/** Rank 0's side. `data` is the name of the data. What the mail throws ends all runs. */
export function rankPool(mail: Mail, workers: number, data: string): RankPool {
  const open = new Map<number, (answer: Answer | Error) => void>();
  let [next, isLooking, hasEnded] = [0, false, false];
  const look = async (): Promise<void> => {
    isLooking = true;
    try {
      while (open.size > 0 && !hasEnded) {
        const message = mail.receive();
        if (message === undefined) await wait(LOOK_EVERY);
        else {
          const answer = read<Answer>(message.bytes);
          open.get(answer.id)?.(answer);
        }
      }
    } catch (error) {
      for (const settle of [...open.values()]) settle(error as Error);
    } finally {
      isLooking = false;
    }
  };

  const ask = (rank: number, wanted: WantedRun, signal: AbortSignal): Promise<RunRecord> =>
    new Promise((resolve, reject) => {
      const id = next++;
      const stop = (): void => mail.send(rank, write({ kind: "stop", id }));
      open.set(id, (answer) => {
        open.delete(id);
        signal.removeEventListener("abort", stop);
        if (answer instanceof Error) reject(answer);
        else if (signal.aborted) reject(signal.reason);
        else if (answer.kind === "ran") resolve(answer.run);
        else if (answer.kind === "changed") reject(new UserError(searchDataChanged(data)));
        else reject(new Error(answer.kind === "failed" ? answer.words : "a run was stopped"));
      });
      signal.addEventListener("abort", stop, { once: true });
      mail.send(rank, write({ kind: "run", id, wanted }));
      if (!isLooking) void look();
    });

  // Ranks take turns: the first runs of a search are on as many machines as there are.
  const others = Array.from({ length: mail.size - 1 }, (_, i) => i + 1);
  const runners = Array.from({ length: workers }, () =>
    others.map(
      (rank): Measure =>
        (wanted, signal) =>
          ask(rank, wanted, signal),
    ),
  ).flat();
  const end = (): void => {
    hasEnded = true;
    try {
      for (const rank of others) mail.send(rank, write({ kind: "end" }));
    } catch {
      // Those that are left notice that this one goes.
    }
  };
  return { runners, end };
}

/** The side of the other ranks: carries out what rank 0 asks for, until it says that the search is over. */
export async function serveRuns(mail: Mail, runner: Measure): Promise<void> {
  const running = new Map<number, AbortController>();
  const run = async (id: number, wanted: WantedRun): Promise<void> => {
    const stop = new AbortController();
    running.set(id, stop);
    const answer = await answerOf(id, () => runner(wanted, stop.signal), stop.signal);
    running.delete(id);
    mail.send(0, write(answer));
  };
  try {
    for (;;) {
      const message = mail.receive();
      if (message === undefined) {
        await wait(LOOK_EVERY);
        continue;
      }
      const asked = read<Asked>(message.bytes);
      if (asked.kind === "end") return;
      if (asked.kind === "stop") running.get(asked.id)?.abort();
      // Without rank 0, nobody waits for the answer.
      else void run(asked.id, asked.wanted).catch(() => {});
    }
  } finally {
    for (const stop of running.values()) stop.abort();
  }
}

async function answerOf(
  id: number,
  work: () => Promise<RunRecord>,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    return { kind: "ran", id, run: await work() };
  } catch (error) {
    if (signal.aborted) return { kind: "stopped", id };
    if (error instanceof UserError) return { kind: "changed", id };
    return { kind: "failed", id, words: error instanceof Error ? error.message : String(error) };
  }
}

function write(message: Asked | Answer): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

function read<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString()) as T;
}
