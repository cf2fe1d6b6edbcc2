/** What the checkpoint of a run that is resumed has settled, so that flags have no say in it. */
import { mezoNeedsOther } from "../compiler/messages/fine_tuning.ts";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Checkpoint } from "../training/checkpoint.ts";
import { checkIdleFlags, checkShare, type FineTuneFlags, loraFlagOf } from "./fine_tune_flags.ts";

interface ResumeFlags extends FineTuneFlags {
  readonly entry?: string;
  readonly compact?: boolean;
  readonly resume?: string;
  readonly adapters?: string;
  readonly ane?: string;
}

/** Throws a `UserError`: E0941 for another method, E0959 for any other flag. */
export function checkResumeFlags(flags: ResumeFlags, checkpoint: Checkpoint): void {
  const { entry, compact, resume, method } = flags;
  const { model, settings } = checkpoint;
  const conflict = (flag: string, why: string): never => {
    throw new UserError(flagsConflict(flag, `--resume ${resume}`, why));
  };
  if (entry !== undefined && entry !== model.entry) {
    conflict(`--entry ${entry}`, `The checkpoint is of \`${model.entry}\`.`);
  }
  if (compact === false && settings.compact) {
    conflict("--no-compact", "The checkpoint was made with rows for the ids in its data only.");
  }
  const own = settings.zeroth?.method ?? "backprop";
  if (method !== undefined && method !== own)
    throw new UserError(mezoNeedsOther(checkpoint.path, own, method));
  if (own !== "backprop") checkIdleFlags(flags, own);
  if (own !== "backprop" || model.lora !== undefined) checkShare(flags, `--resume ${resume}`);
  const { eps, probes, adapters } = flags;
  const settled =
    (eps !== undefined && "--eps") ||
    (probes !== undefined && "--probes") ||
    (adapters !== undefined && "--adapters") ||
    loraFlagOf(flags);
  if (settled) conflict(settled, "It was chosen when the run began.");
}
