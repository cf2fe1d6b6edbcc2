/**
 * A user's mistake: what is wrong, where, why, and how to mend it.
 *
 * Functions that can find several mistakes collect diagnostics in a `Reporter` and go on; a stage
 * that cannot go on throws a `UserError` with all of them. Our own mistakes go through `bug()`.
 */
import type { Span } from "./source.ts";

export type Severity = "error" | "warning";

/** A place in the user's text, underlined, with a few words below it. */
export interface Label {
  readonly span: Span;
  readonly text: string;
}

/** Advice, with the edit that carries it out when we know one. */
export interface Help {
  readonly text: string;
  readonly edit?: { readonly span: Span; readonly replacement: string };
}

export interface Diagnostic {
  /** E01xx syntax, E02xx names, E03xx types, E04xx gradients, E05xx facts, E06xx runtime, E07xx files
   * of weights and bundles, E08xx data, E09xx command line. */
  readonly code: string;
  readonly severity: Severity;
  /** One sentence without a full stop. */
  readonly title: string;
  /** The first label is the place the message points at. */
  readonly labels: readonly Label[];
  readonly why?: string;
  readonly help: readonly Help[];
  /** Further `key  value` lines, such as the fact and its evidence. */
  readonly notes?: readonly (readonly [key: string, value: string])[];
}

/** Thrown when a stage cannot go on because of the user's input. */
export class UserError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[] | Diagnostic) {
    const list = Array.isArray(diagnostics) ? diagnostics : [diagnostics as Diagnostic];
    super(list.map((d) => `${d.severity}[${d.code}]: ${d.title}`).join("\n"));
    this.name = "UserError";
    this.diagnostics = list;
  }
}

/** Collects the diagnostics of a stage. */
export class Reporter {
  readonly diagnostics: Diagnostic[] = [];

  report(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }

  get hasErrors(): boolean {
    return this.diagnostics.some((d) => d.severity === "error");
  }

  /** Ends the stage with a `UserError` if it found an error. */
  stopOnErrors(): void {
    if (this.hasErrors) throw new UserError(this.diagnostics);
  }
}
