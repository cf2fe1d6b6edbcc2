/** All that an editor wants to know of a file, whatever state it is in. */
import { shapeWithSizes } from "../compiler/ir/types.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile, Span } from "../compiler/support/source.ts";
import type * as ast from "./ast.ts";
import { elaborateItem } from "./bodies.ts";
import { makeReporter, type Value } from "./context.ts";
import { type Header, type Overrides, readHeader } from "./header.ts";
import { type Library, makeLibrary } from "./library.ts";
import { checkNames } from "./names.ts";
import { type Occurrence, occurrencesOf } from "./occurrences.ts";
import { parseFile } from "./syntax.ts";

export interface Inspection {
  readonly source: SourceFile;
  readonly ast: ast.File;
  /** Mistakes and warnings in the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
  readonly header: Header;
  readonly library: Library;
  readonly occurrences: readonly Occurrence[];
  /** What the expression of a span is: `[S 128, D 512]`, or a number. */
  typeAt(span: Span): string | undefined;
}

/**
 * Looks at a file as far as its mistakes allow: at names where the syntax is right, at shapes where the names
 * are. Never throws for what is in the text.
 */
export function inspect(
  source: SourceFile,
  { overrides = {} }: { readonly overrides?: Overrides } = {},
): Inspection {
  const reporter = makeReporter();
  const { ast: file, diagnostics } = parseFile(source);
  for (const d of diagnostics) reporter.report(d);
  const library = makeLibrary(file);
  const isBroken = reporter.hasErrors;
  const header = readHeader(file, overrides, isBroken ? makeReporter() : reporter);
  if (!isBroken) checkNames(file, header, library, reporter);
  const values = new Map<string, Value>();
  const items = reporter.hasErrors ? [] : file.items;
  try {
    for (const item of items) {
      if (item.kind === "dims" || item.kind === "set") continue;
      const { start, end } = item.span;
      elaborateItem(item, header, library, reporter, (span, value) => {
        // A layer that is called here was looked at by itself.
        const isHere = span.source === source && span.start >= start && span.end <= end;
        const key = `${span.start} ${span.end}`;
        if (isHere && !values.has(key)) values.set(key, value);
      });
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const d of error.diagnostics) reporter.report(d);
  }
  let occurrences: readonly Occurrence[] | undefined;
  return {
    ...{ source, ast: file, header, library },
    diagnostics: [...reporter.diagnostics].sort((a, b) => startOf(a) - startOf(b)),
    get occurrences() {
      occurrences ??= occurrencesOf(file, library);
      return occurrences;
    },
    typeAt: (span) => typeText(values.get(`${span.start} ${span.end}`)),
  };
}

function startOf(diagnostic: Diagnostic): number {
  return diagnostic.labels[0]?.span.start ?? -1;
}

function typeText(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === "number") return String(value.value);
  if (value.kind === "text") return JSON.stringify(value.value);
  const { dtype, shape } = value.node.type;
  return `${dtype === "f32" ? "" : dtype}${shapeWithSizes(shape)}`;
}
