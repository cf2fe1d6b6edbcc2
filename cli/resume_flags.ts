/** What the checkpoint of a run that is resumed has settled, so that flags have no say in it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { dataToBind, notResumable } from "../compiler/messages/checkpoints.ts";
import { mezoNeedsOther } from "../compiler/messages/fine_tuning.ts";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { formatAt } from "../formats/index.ts";
import { anecFormat } from "../training/anec_format.ts";
import { checkMoments, isUnbound } from "../training/bind_data.ts";
import { type Checkpoint, readCheckpoint } from "../training/checkpoint.ts";
import { checkIdleFlags, checkShare, type FineTuneFlags, loraFlagOf } from "./fine_tune_flags.ts";
import { beginsAsSafetensors } from "./weight_files.ts";

/**
 * The checkpoint of a run that goes on. Throws a `UserError`: E0732 for what its contents say is another thing, those
 * of `readCheckpoint`.
 */
export function openResumed(path: string): Checkpoint {
  try {
    return readCheckpoint(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // The weights in a folder of Hugging Face are safetensors too; the folder is the model.
    const isForeign = error.diagnostics[0]?.code === "E0721";
    const model = isForeign ? dirname(path) : path;
    const format = otherFormat(model);
    if (format === undefined) throw error;
    throw new UserError(notResumable(path, format === null ? null : { format, model }));
  }
}

/** A line about a model of another program, null for what is no model; undefined for safetensors and what is not there. */
function otherFormat(path: string): string | null | undefined {
  if (!existsSync(path)) return undefined;
  const { seen, format } = formatAt(path);
  if (format !== undefined) return format === anecFormat ? undefined : format.doc;
  return seen.folder !== null || seen.size === 0 || beginsAsSafetensors(seen) ? undefined : null;
}

interface ResumeFlags extends FineTuneFlags {
  readonly entry?: string;
  readonly compact?: boolean;
  readonly resume?: string;
  readonly adapters?: string;
  readonly ane?: string;
  readonly data?: string;
}

/**
 * Throws a `UserError`: E0941 for another method, E0959 for any other flag; for a converted file E0738 without data and
 * E0739 without moments.
 */
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
  if (isUnbound(checkpoint)) {
    checkMoments(checkpoint);
    if (flags.data === undefined) throw new UserError(dataToBind(checkpoint.path));
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
