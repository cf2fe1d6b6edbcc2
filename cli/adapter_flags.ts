/** Flags of the commands that take adapters from a file of their own. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { Checkpoint } from "../training/checkpoint.ts";
import { type OpenModelOptions, openModel, openWithAdapters } from "../training/open_model.ts";
import { type FineTuneFlags, loraFlagOf } from "./fine_tune_flags.ts";

export interface AdapterFlags {
  readonly adapters?: string;
  readonly unbound?: boolean;
}

export function adapterFlags(c: Command): void {
  c.option(
    "--adapters <file>",
    "adapters for the model: a file of `anec adapters`, or a LoRA sidecar of AutoANE",
  ).option("--unbound", "take a sidecar that does not say which checkpoint it belongs to");
}

/** What the user says of adapters. */
export function adapterOptions({ adapters, unbound }: AdapterFlags): OpenModelOptions {
  return {
    ...(adapters === undefined ? {} : { adapters }),
    ...(unbound === undefined ? {} : { unbound }),
  };
}

interface InitialFlags extends AdapterFlags, FineTuneFlags {
  readonly init?: string;
}

/**
 * What `anec train` begins with: the model of `--init`, with the adapters of `--adapters` beside its weights.
 * Undefined without `--init`. Throws a `UserError`: E0959 for adapters without a model or of two sources, those of
 * `openModel` and `openWithAdapters`.
 */
export function openInitial(
  flags: InitialFlags,
  report: (warning: Diagnostic) => void,
): Checkpoint | undefined {
  const { init, adapters } = flags;
  if (adapters === undefined) return init === undefined ? undefined : openModel(init, { report });
  if (init === undefined) {
    const why = "Adapters belong to the weights of a model: give it with `--init`.";
    throw new UserError(flagsConflict("--adapters", "random weights", why));
  }
  const asked = loraFlagOf(flags);
  if (asked !== undefined) {
    const why = "The file says what its adapters are.";
    throw new UserError(flagsConflict(asked, "--adapters", why));
  }
  return openWithAdapters(init, adapters, { ...adapterOptions(flags), report }).beside;
}
