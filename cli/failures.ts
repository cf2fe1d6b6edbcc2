/** Whatever a command throws, as text or JSON and an exit code. */
import { userErrorOf } from "../compiler/messages/files.ts";
import { runtimeDiagnostic } from "../compiler/messages/runtime.ts";
import { notEnoughMemory } from "../compiler/messages/usage.ts";
import { fileFaultOf } from "../compiler/support/atomic_write.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../compiler/support/render.ts";
import { positionAt, type Span } from "../compiler/support/source.ts";
import { bugReport, bugText } from "./bug_report.ts";
import { EXIT } from "./command.ts";
import type { Io, Sink } from "./io.ts";
import { count } from "./output.ts";

/** Codes that name the command line. */
const USAGE = /^E095[0-9]$|^E0964$|^E096[7-9]$|^E097[06]$|^E0901$|^E0981$/;
/** Codes that name the machine: the device, a disk that is full or read-only, the network. */
const ENVIRONMENT = /^E06|^E070[1237]$|^E0820$|^E0965$|^E0918$|^E097[1235]$|^E0933$/;

/** The exit code of these diagnostics: that of the first error. */
export function exitCodeOf(diagnostics: readonly Diagnostic[]): number {
  const first = diagnostics.find((d) => d.severity === "error");
  if (first === undefined) return EXIT.ok;
  if (USAGE.test(first.code)) return EXIT.usage;
  return ENVIRONMENT.test(first.code) ? EXIT.environment : EXIT.input;
}

/** Whether diagnostics printed to `sink` are in colour. */
export function isColored(io: Io, sink: Sink): boolean {
  return io.color && sink.isTerminal;
}

/** As many as somebody reads; a large file can have a hundred thousand of them. */
const SHOWN_MOST = 50;

/** Prints diagnostics to standard error: errors before warnings if there are too many for all. */
export function printDiagnostics(io: Io, diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const shown = mostOf(diagnostics);
  io.err.write(`${renderDiagnostics(shown, { color: isColored(io, io.err) })}\n`);
  if (shown.length === diagnostics.length) return;
  const left = (severity: Diagnostic["severity"]): number =>
    countOf(diagnostics, severity) - countOf(shown, severity);
  const parts = [count(left("error"), "error"), count(left("warning"), "warning")];
  const more = parts.filter((part) => !part.startsWith("0 ")).join(" and ");
  io.err.write(`\n  and ${more} more\n`);
}

function countOf(list: readonly Diagnostic[], severity: Diagnostic["severity"]): number {
  return list.filter((d) => d.severity === severity).length;
}

function mostOf(list: readonly Diagnostic[]): readonly Diagnostic[] {
  if (list.length <= SHOWN_MOST) return list;
  const errors = list.filter((d) => d.severity === "error");
  const warnings = list.filter((d) => d.severity !== "error");
  const chosen = new Set([...errors, ...warnings].slice(0, SHOWN_MOST));
  return list.filter((d) => chosen.has(d));
}

function placeJson(span: Span) {
  const from = positionAt(span.source, span.start);
  const to = positionAt(span.source, span.end);
  return {
    path: span.source.path,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
  };
}

/** A diagnostic as plain data: spans become lines and columns, counted from 1. */
export function diagnosticJson(d: Diagnostic) {
  return {
    code: d.code,
    severity: d.severity,
    title: d.title,
    labels: d.labels.map(({ span, text }) => ({ ...placeJson(span), text })),
    ...(d.why === undefined ? {} : { why: d.why }),
    help: d.help.map(({ text, edit }) =>
      edit === undefined
        ? { text }
        : { text, edit: { ...placeJson(edit.span), replacement: edit.replacement } },
    ),
    ...(d.notes === undefined ? {} : { notes: d.notes }),
  };
}

/** The user's mistake behind an error, or undefined: then it is ours. */
export function userErrorBehind(error: unknown): UserError | undefined {
  if (error instanceof UserError) return error;
  if (!(error instanceof Error)) return undefined;
  if (isRuntimeFailure(error)) {
    const diagnostic = runtimeDiagnostic(error);
    return diagnostic === undefined ? undefined : new UserError(diagnostic);
  }
  if (
    error instanceof RangeError &&
    /allocation failed|array length|buffer length/i.test(error.message)
  ) {
    return new UserError(notEnoughMemory(error.message));
  }
  const found = userErrorOf(fileFaultOf(error, pathOf(error), "read"));
  return found instanceof UserError ? found : undefined;
}

/** A `NativeError` of the runtime's binding, told by its fields: the binding is not loaded for it. */
function isRuntimeFailure(error: Error): error is Error & { code: string; detail: string } {
  return error.name === "NativeError" && "code" in error && "detail" in error;
}

function pathOf(error: Error): string {
  const { path } = error as NodeJS.ErrnoException;
  return typeof path === "string" ? path : "a file";
}

/** Prints a failure and returns its exit code. */
export function reportFailure(error: unknown, io: Io, argv: readonly string[]): number {
  const user = userErrorBehind(error);
  const json = argv.includes("--json");
  if (user !== undefined) {
    if (json)
      io.err.write(`${JSON.stringify({ diagnostics: user.diagnostics.map(diagnosticJson) })}\n`);
    else {
      printDiagnostics(io, user.diagnostics);
      const code = user.diagnostics.find((d) => d.severity === "error")?.code;
      if (code !== undefined) io.err.write(`\n  \`anec explain ${code}\` says more\n`);
    }
    return exitCodeOf(user.diagnostics);
  }
  const report = bugReport(error, argv);
  io.err.write(json ? `${JSON.stringify({ bug: report })}\n` : bugText(report));
  return EXIT.bug;
}
