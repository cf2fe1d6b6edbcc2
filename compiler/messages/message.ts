/**
 * How a message is defined: a code, a page that explains it, and a function from facts to a
 * diagnostic. Call sites pass facts, never prose; `anec explain CODE` prints the page, and
 * `docs/errors/` is generated from it.
 */
import type { Diagnostic, Help, Label, Severity } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { nearest } from "../support/suggest.ts";

/** What a message function returns; the rest is filled in by `message`. */
export interface MessageBody {
  readonly title: string;
  readonly labels?: readonly Label[];
  readonly why?: string;
  readonly help?: readonly Help[];
  readonly notes?: readonly (readonly [string, string])[];
  readonly severity?: Severity;
}

/** The page behind a code. */
export interface Explanation {
  /** One line, for the list of codes. */
  readonly summary: string;
  /** A few sentences: when it appears, why, what to do. Markdown. */
  readonly explain: string;
}

export interface Message<A extends readonly unknown[]> {
  (...facts: A): Diagnostic;
  readonly code: string;
  readonly page: Explanation;
}

export function message<A extends readonly unknown[]>(
  code: string,
  page: Explanation,
  body: (...facts: A) => MessageBody,
): Message<A> {
  const make = (...facts: A): Diagnostic => {
    const b = body(...facts);
    return {
      code,
      severity: b.severity ?? "error",
      title: b.title,
      labels: b.labels ?? [],
      help: b.help ?? [],
      ...(b.why === undefined ? {} : { why: b.why }),
      ...(b.notes === undefined ? {} : { notes: b.notes }),
    };
  };
  return Object.assign(make, { code, page });
}

/** A label at `span`, or none where the text has no place (a value made by the builder). */
export function at(span: Span | undefined, text = ""): Label[] {
  return span === undefined ? [] : [{ span, text }];
}

/** "did you mean …", with the edit, when a candidate is near enough. */
export function didYouMean(name: string, candidates: Iterable<string>, span?: Span): Help[] {
  const found = nearest(name, candidates);
  if (found === undefined) return [];
  const text = `did you mean \`${found}\`?`;
  return [span === undefined ? { text } : { text, edit: { span, replacement: found } }];
}

/** "a, b and c". */
export function listOf(items: readonly string[]): string {
  if (items.length <= 1) return items[0] ?? "";
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}
