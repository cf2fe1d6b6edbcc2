/** What a check is, and how checks are run. */
import { runtimeDiagnostic } from "../../compiler/messages/runtime.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { NativeError } from "../../runtime-native/js/index.ts";
import type { Subject } from "./subject.ts";
import type { Tools } from "./tools.ts";

export type Status = "pass" | "fail" | "skip";

export interface Outcome {
  readonly status: Status;
  /** What was found; why it was left out. */
  readonly found: string;
}

export interface Check {
  readonly name: string;
  /** What it shows when it passes. */
  readonly shows: string;
  readonly run: (subject: Subject, tools: Tools) => Outcome;
}

export interface Result extends Outcome {
  readonly name: string;
  readonly shows: string;
}

export const skip = (why: string): Outcome => ({ status: "skip", found: why });

/** Passes if `isRight`. */
export function judged(isRight: boolean, found: string): Outcome {
  return { status: isRight ? "pass" : "fail", found };
}

/** Runs checks in order; `onResult` hears of each. A user's error or a device's inside a check is that check's failure. */
export function runChecks(
  checks: readonly Check[],
  subject: Subject,
  tools: Tools,
  onResult: (result: Result) => void = () => {},
): readonly Result[] {
  return checks.map(({ name, shows, run }) => {
    const result = { name, shows, ...outcomeOf(() => run(subject, tools)) };
    onResult(result);
    return result;
  });
}

/** What is wrong with the user's input or the device; undefined for a bug of ours. */
function diagnosticOf(error: unknown): Diagnostic | undefined {
  if (error instanceof UserError) return error.diagnostics[0];
  return error instanceof NativeError ? runtimeDiagnostic(error) : undefined;
}

function outcomeOf(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    const first = diagnosticOf(error);
    if (first === undefined) throw error;
    return judged(false, `${first.code}: ${first.title}`);
  }
}
