/** All that an editor wants to know of a file, whatever state it is in. */
import { shapeWithSizes } from "../compiler/ir/types.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import type * as ast from "./ast.ts";
import { elaborateItem } from "./bodies.ts";
import { makeReporter, type Value } from "./context.ts";
import { type Header, readHeader } from "./header.ts";
import { type Library, makeLibrary } from "./library.ts";
import { checkNames } from "./names.ts";
import { type Occurrence, occurrencesOf } from "./occurrences.ts";
import { parseFile } from "./syntax.ts";

export interface Inspection {
  readonly source: SourceFile;
  readonly ast: ast.File;
  /** Mistakes and warnings, as `anec check` finds them. */
  readonly diagnostics: readonly Diagnostic[];
  readonly header: Header;
  readonly library: Library;
  readonly occurrences: readonly Occurrence[];
  /** What the expression of a span is: `[S 128, D 512]`, or a number. */
  typeAt(span: Span): string | undefined;
}

/** Looks at a file as far as its mistakes allow. Never throws for what is in the text. */
export function inspect(source: SourceFile): Inspection {
  const reporter = makeReporter();
  const { ast: file, diagnostics } = parseFile(source);
  for (const d of diagnostics) reporter.report(d);
  const library = makeLibrary(file);
  const values = new Map<string, Value>();
  const header = readHeader(file, {}, diagnostics.length > 0 ? makeReporter() : reporter);
  if (!reporter.hasErrors) checkNames(file, header, library, reporter);
  if (!reporter.hasErrors) {
    for (const item of file.items) {
      if (item.kind === "dims" || item.kind === "set") continue;
      const { start, end } = item.span;
      const watch = (span: Span, value: Value): void => {
        // A layer that is called here was looked at by itself.
        const isHere = span.source === source && span.start >= start && span.end <= end;
        const key = `${span.start} ${span.end}`;
        if (isHere && !values.has(key)) values.set(key, value);
      };
      try {
        elaborateItem(item, header, library, reporter, watch);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        for (const d of error.diagnostics) reporter.report(d);
      }
    }
  }
  return {
    ...{ source, ast: file, header, library },
    diagnostics: reporter.diagnostics,
    occurrences: occurrencesOf(file, library),
    typeAt: (span) => typeText(values.get(`${span.start} ${span.end}`)),
  };
}

function typeText(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === "number") return String(value.value);
  if (value.kind === "text") return JSON.stringify(value.value);
  const { dtype, shape } = value.node.type;
  return `${dtype === "f32" ? "" : dtype}${shapeWithSizes(shape)}`;
}
