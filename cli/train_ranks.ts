/**
 * The flags of `anec train` as a rank takes them.
 *
 * `--accum` is what each rank does, so a group is as many times larger as there are ranks: all settings are those
 * of the run of one process that gives the same losses. Its checkpoints say nothing of ranks.
 */
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { TokenData } from "../training/data/token_file.ts";
import { completeSettings } from "../training/options.ts";
import { identityOf } from "../training/rank_identity.ts";
import type { Trainer } from "../training/trainer.ts";
import { VERSION } from "../version.ts";
import type { BatchFlags } from "./batch_flags.ts";
import { type FineTuneFlags, fineTuned } from "./fine_tune_flags.ts";
import type { CommandRanks } from "./ranks.ts";
import { type SettingFlags, settingsOf } from "./setting_flags.ts";
import type { TrainDeviceFlags } from "./train_device.ts";
import type { LogFlags } from "./train_logs.ts";

export interface RankedFlags
  extends SettingFlags,
    BatchFlags,
    FineTuneFlags,
    LogFlags,
    TrainDeviceFlags {
  readonly resume?: string;
  readonly trace?: string;
  /** The other processes; no flag. */
  readonly joined?: CommandRanks;
}

/** The flags of a rank. Throws a `UserError` (E0959) for what several processes cannot do. */
export function rankedFlags<F extends RankedFlags>(flags: F, joined: CommandRanks | undefined): F {
  if (joined === undefined) return flags;
  checkRanked(flags);
  const { rank, size } = joined.ranks;
  const { log: _, csv: __, tensorboard: ___, trace: ____, ...unlogged } = flags;
  const accum = accumOf(flags);
  return {
    ...(rank === 0 ? flags : unlogged),
    ...(accum === undefined ? {} : { accum: accum * size }),
    ...{ device: "cpu", threads: flags.threads ?? joined.processors, joined },
  } as unknown as F;
}

/** Micro-steps of a group on each rank; undefined for those of a checkpoint. */
function accumOf(flags: RankedFlags): number | undefined {
  if (flags.accum !== undefined || flags.resume !== undefined) return flags.accum;
  return completeSettings(fineTuned(flags, settingsOf(flags))).accum;
}

function checkRanked({ device, batch, method }: RankedFlags): void {
  const conflict = (flag: string, why: string): never => {
    throw new UserError(flagsConflict(flag, "mpirun", why));
  };
  if (device === "ane" || device === "emulator")
    conflict(`--device ${device}`, "Ranks train on the processor.");
  if (batch === "auto") conflict("--batch auto", "Ranks need the same batches: give a number.");
  if (method === "mezo") conflict("--method mezo", "Ranks share gradients, and it has none.");
}

/** All ranks are about to train. Throws a `UserError`: E0959, E0980, E0982. */
export function meetRanks(
  joined: CommandRanks | undefined,
  { trainer, data, saveEvery }: { trainer: Trainer; data: TokenData; saveEvery: number },
): void {
  if (joined === undefined) return;
  const { zeroth } = trainer.settings;
  if (zeroth !== undefined) checkRanked({ device: "cpu", method: zeroth.method });
  joined.meet(identityOf({ trainer, data, saveEvery, version: VERSION }));
}

/** What a trainer takes of the other processes. */
export function ranksFor(joined: CommandRanks | undefined) {
  return joined === undefined ? {} : { ranks: joined.ranks };
}

/** What a session takes of them. */
export function linkOf(joined: CommandRanks | undefined) {
  return joined === undefined ? {} : { ranks: joined.ranks.link };
}
