/** Flags for how the processor computes micro-steps: how many in one call, and what it keeps of them. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Target } from "../index.ts";
import { needWhole } from "../training/options.ts";
import { anyNumber } from "./flags.ts";

export interface BatchFlags {
  readonly batch?: number | "auto";
  readonly recompute?: boolean;
}

export function batchFlags(c: Command): void {
  c.option(
    "--batch <n>",
    "cpu: micro-steps of a group in one call, or auto: as many as are the fastest (default: 1)",
    batchSize,
  ).option(
    "--recompute",
    "cpu: compute cheap values again for the gradients; less memory, the same bits",
  );
}

function batchSize(text: string): number | "auto" {
  return text === "auto" ? text : anyNumber("--batch", "a number, or auto")(text);
}

/** Throws a `UserError` (E0959) if they come with a flag that leaves the processor nothing to choose. */
export function checkBatchFlags({ batch, recompute }: BatchFlags, other: string): void {
  const given = batch !== undefined ? `--batch ${batch}` : recompute && "--recompute";
  if (!given) return;
  const why = "They are about the processor; the engine computes one window after the other.";
  throw new UserError(flagsConflict(given, other, why));
}

interface MemoryFlags extends BatchFlags {
  readonly print?: string;
  readonly target: Target;
  readonly out?: string;
  readonly printAfter?: readonly string[];
  readonly timePasses?: boolean;
}

/** Checks the flags of `--print memory`. Throws a `UserError` (E0901, E0959). */
export function checkMemoryFlags(flags: MemoryFlags): void {
  const { print, target, batch, recompute, out, printAfter, timePasses } = flags;
  const conflict = (flag: string, other: string, why: string): never => {
    throw new UserError(flagsConflict(flag, other, why));
  };
  if (print !== "memory") {
    const given = batch !== undefined ? `--batch ${batch}` : recompute && "--recompute";
    const stage = print === undefined ? "anec compile" : `--print ${print}`;
    if (given) conflict(given, stage, "It changes no bundle: give `--print memory`.");
    return;
  }
  if (target === "ane") {
    const why = "Memory is planned for the processor: give `--target cpu`.";
    conflict("--print memory", "--target ane", why);
  }
  if (batch === "auto") {
    const why = "What is the fastest is found by running it: give a number.";
    conflict("--print memory", "--batch auto", why);
  } else if (batch !== undefined) needWhole("batch", batch, 1, 256);
  const other = [
    [out, "--out"],
    [printAfter, "--print-after"],
    [timePasses, "--time-passes"],
  ].find(([value]) => value !== undefined);
  if (other !== undefined)
    conflict("--print memory", String(other[1]), "It prints a plan, and compiles nothing.");
}

/** A number of micro-steps as a run or a plan takes it; `auto` is for others to find. */
export function fixedBatch({ batch }: BatchFlags): { readonly batch?: number } {
  return typeof batch === "number" ? { batch } : {};
}
