/**
 * E060x: what the native runtime could not do.
 *
 * The runtime says it in its own words; these are the pages behind its codes.
 */
import type { Diagnostic } from "../support/diagnostic.ts";
import { anePages, inItsWords } from "./ane.ts";
import { type Message, message } from "./message.ts";
import { rankPages } from "./ranks.ts";

export interface RuntimeFailure {
  readonly code: string;
  readonly message: string;
  /** The exact words of the system below, or nothing. */
  readonly detail: string;
}

export const runtimeMemory = message(
  "E0601",
  {
    summary: "the system gave no memory or no threads",
    explain:
      "Parameters, gradients, optimizer state and activations live in memory from the start of a session: " +
      "about 16 bytes for each parameter in training. Use a smaller model (`-D`), a shorter sequence, or " +
      "fewer threads (`--threads`).",
  },
  inItsWords,
);

export const runtimeKernel = message(
  "E0602",
  {
    summary: "a host kernel is missing",
    explain:
      "The compiler planned a kernel that the native runtime does not have: the two were built from " +
      "different versions. Run `npm run build`.",
  },
  inItsWords,
);

export const runtimePlan = message(
  "E0603",
  {
    summary: "the runtime refused a plan",
    explain:
      "Every command of a plan is checked against its kernel before the first run, so that a damaged plan " +
      "cannot write where it should not. If `npm run build` does not help, it is a bug of ours.",
  },
  inItsWords,
);

export const runtimeIds = message(
  "E0604",
  {
    summary: "a kernel met a value it cannot use",
    explain:
      "A token id or a target lies beyond the rows of the table or the classes of the loss. Token files " +
      "are checked when they are opened, so this points at ids given by hand.",
  },
  inItsWords,
);

export const runtimeNotBuilt = message(
  "E0605",
  {
    summary: "the native runtime is not there or cannot be loaded",
    explain:
      "A package brings it for some machines (prebuilds/), and is built from its sources on others: in a " +
      "checkout by `npm run build:native`, in an installed package by `npm rebuild anec`, with a C++20 " +
      "compiler. `anec doctor` says which one is used, or why there is none. Everything but training, " +
      "generation and `run --device cpu` works without it.",
  },
  inItsWords,
);

export const runtimeMisuse = message(
  "E0606",
  {
    summary: "a session was used in a way it does not allow",
    explain:
      "A program or buffer that the session does not have, or a session that is closed. From the command " +
      "line this is a bug of ours.",
  },
  inItsWords,
);

export const runtimeOption = message(
  "E0607",
  {
    summary: "the device cannot do what was asked",
    explain:
      "A number of threads out of range, an instruction set this processor does not have, or a BLAS " +
      "library that cannot be loaded or has no `cblas_sgemm`. `anec doctor` says what there is.",
  },
  inItsWords,
);

const pages: readonly Message<[words: string, detail: string]>[] = [
  runtimeMemory,
  runtimeKernel,
  runtimePlan,
  runtimeIds,
  runtimeNotBuilt,
  runtimeMisuse,
  runtimeOption,
  ...anePages,
  ...rankPages,
];

/** The diagnostic of a failure, or undefined for one that only a bug of ours can cause. */
export function runtimeDiagnostic(failure: RuntimeFailure): Diagnostic | undefined {
  const isOurs = ["E0602", "E0603", "E0606", "E0626"].includes(failure.code);
  const page = pages.find((p) => p.code === failure.code);
  return isOurs ? undefined : page?.(failure.message, failure.detail);
}
