/** How `anec train` goes on in a fresh process when the engine compiles no more in this one. */
import { renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { engineBudgetSpent, engineStopped } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { temporaryName } from "../compiler/support/temporary_files.ts";
import type { EngineCounts } from "../runtime-native/js/index.ts";
import type { Trainer } from "../training/trainer.ts";
import type { Io } from "./io.ts";

/** What a process leaves to the one that follows it. */
export interface HandedOver {
  /** Where the state is; beside `out`, and removed at the end. */
  readonly checkpoint: string;
  readonly out: string;
  /** Micro-steps that were done before the run. */
  readonly from: number;
  /** When the run began, milliseconds since 1970. */
  readonly began: number;
  readonly counts?: EngineCounts;
}

/** What this process goes on with; undefined for the first one of a run. */
export function handedOver({ relay }: Io): HandedOver | undefined {
  return relay?.received === undefined ? undefined : (JSON.parse(relay.received) as HandedOver);
}

/** Whether another process has to go on. */
export function isForAnother(error: unknown): boolean {
  return error instanceof UserError && error.diagnostics[0]?.code === engineBudgetSpent.code;
}

interface Handing extends Pick<HandedOver, "out" | "from" | "began"> {
  readonly io: Io;
  readonly trainer: Trainer;
  readonly interrupted: boolean;
}

/** Leaves the run to a fresh process; answers the exit code to end with. */
export async function handOver({ io, trainer, interrupted, ...run }: Handing): Promise<number> {
  const before = handedOver(io);
  const checkpoint = before?.checkpoint ?? join(dirname(run.out), temporaryName(run.out));
  const { engineCounts: counts, state } = trainer;
  try {
    trainer.save(checkpoint);
    // The process that follows needs the memory.
    trainer.close();
    const left: HandedOver = { checkpoint, ...run, ...(counts === undefined ? {} : { counts }) };
    return await io.relay!.handOver(JSON.stringify(left), interrupted);
  } catch (error) {
    if (error instanceof UserError || before !== undefined) throw error;
    // Nothing is lost: what was handed over is the checkpoint of the run now.
    renameSync(checkpoint, run.out);
    const words = "no other process could be started";
    throw new UserError(engineStopped(state.step + 1, words, String(error)));
  } finally {
    if (before === undefined) rmSync(checkpoint, { force: true });
  }
}
