/**
 * Diagnostics as text: title, the user's line, a note under each operand, why, help.
 *
 *     error[E0301]: cannot multiply [S, F] by [D, F]
 *
 *       llama.ane:20:10
 *             |
 *          20 |   return h @ w3
 *             |          ~   ~~
 *             |          |   [D 768, F 2048]
 *             |          [S 256, F 2048]
 *             |
 *       `@` needs the last dimension on the left …
 */
import type { Diagnostic, Help, Label } from "./diagnostic.ts";
import { lineText, positionAt, type Span } from "./source.ts";

export interface RenderOptions {
  readonly color?: boolean;
}

const GUTTER = 6;
const MAX_LINE = 160;

interface Paint {
  readonly red: (s: string) => string;
  readonly yellow: (s: string) => string;
  readonly cyan: (s: string) => string;
  readonly bold: (s: string) => string;
}

function painter(color: boolean): Paint {
  const wrap = (code: number, end: number) => (s: string) =>
    color && s !== "" ? `\u001b[${code}m${s}\u001b[${end}m` : s;
  return { red: wrap(31, 39), yellow: wrap(33, 39), cyan: wrap(36, 39), bold: wrap(1, 22) };
}

/** Text from outside without characters that would steer a terminal; each is shown as a sign. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/** Part of a line as a terminal takes it: each sign stays one sign, tabs become blanks. */
function cleanLine(text: string): string {
  return printable(text.replace(/\t/g, " "));
}

/**
 * A line as shown, with the columns that were cut off at its start. Only what is shown is looked
 * at: a line may have megabytes, and many mistakes.
 */
function shownLine(text: string, from: number): { readonly text: string; readonly cut: number } {
  const cut = Math.max(0, Math.min(from - MAX_LINE / 2, text.length - MAX_LINE));
  return { text: cleanLine(text.slice(cut, cut + MAX_LINE)), cut };
}

function margin(line?: number): string {
  return `${line === undefined ? "".padStart(GUTTER) : String(line).padStart(GUTTER)} |`;
}

interface Mark {
  readonly column: number;
  readonly width: number;
  readonly text: string;
}

/** The underline and the notes below it; notes that would collide go on lines of their own. */
function underline(marks: readonly Mark[]): string[] {
  const sorted = [...marks].sort((a, b) => a.column - b.column);
  let tildes = "";
  for (const mark of sorted) {
    tildes =
      tildes.padEnd(mark.column) +
      "~".repeat(Math.max(0, mark.column + mark.width - Math.max(tildes.length, mark.column)));
  }
  const rows: string[] = [tildes];
  let open = sorted.filter((m) => m.text !== "");
  while (open.length > 0) {
    const placed = new Set<Mark>();
    let limit = Number.POSITIVE_INFINITY;
    for (let i = open.length - 1; i >= 0; i--) {
      const mark = open[i]!;
      if (mark.column + mark.text.length + 1 <= limit) placed.add(mark);
      limit = mark.column;
    }
    let row = "";
    for (const mark of open) {
      row = row.padEnd(mark.column) + (placed.has(mark) ? mark.text : "|");
    }
    rows.push(row.trimEnd());
    open = open.filter((m) => !placed.has(m));
  }
  return rows;
}

function frame(labels: readonly Label[], paint: Paint): string[] {
  const first = labels[0];
  if (first === undefined) return [];
  const source = first.span.source;
  const at = positionAt(source, first.span.start);
  const out = [`  ${paint.cyan(`${source.path}:${at.line}:${at.column}`)}`];
  const byLine = new Map<number, Label[]>();
  for (const label of labels) {
    if (label.span.source !== source) continue;
    const line = positionAt(source, label.span.start).line;
    byLine.set(line, [...(byLine.get(line) ?? []), label]);
  }
  out.push(` ${margin()}`);
  let previous: number | undefined;
  for (const [line, group] of [...byLine].sort((a, b) => a[0] - b[0])) {
    if (previous !== undefined && line > previous + 1) out.push(` ${"...".padStart(GUTTER)} |`);
    const raw = lineText(source, line);
    const starts = group.map((l) => positionAt(source, l.span.start).column - 1);
    const shown = shownLine(raw, Math.min(...starts));
    out.push(` ${margin(line)} ${shown.text}`.trimEnd());
    const marks = group.map((label, i) => {
      const column = Math.max(0, Math.min(starts[i]! - shown.cut, shown.text.length));
      const room = Math.max(1, shown.text.length - column);
      const width = Math.max(1, Math.min(label.span.end - label.span.start, room));
      return { column, width, text: printable(label.text) };
    });
    for (const [i, row] of underline(marks).entries()) {
      out.push(` ${margin()} ${i === 0 ? paint.red(row) : row}`.trimEnd());
    }
    previous = line;
  }
  out.push(` ${margin()}`);
  return out;
}

function renderHelp(help: Help, paint: Paint): string[] {
  const out = [`  ${paint.bold("help:")} ${printable(help.text)}`];
  if (help.edit === undefined) return out;
  const { span, replacement } = help.edit;
  const { line, column } = positionAt(span.source, span.start);
  const raw = lineText(span.source, line);
  const from = column - 1;
  const to = Math.min(raw.length, from + (span.end - span.start));
  const length = raw.length - (to - from) + replacement.length;
  if (length > MAX_LINE || replacement.includes("\n")) return out;
  const edited = cleanLine(raw.slice(0, from)) + replacement + cleanLine(raw.slice(to));
  out.push(` ${margin()}`);
  out.push(` ${margin(line)} ${edited}`);
  out.push(
    ` ${margin()} ${" ".repeat(from)}${paint.cyan("~".repeat(Math.max(1, replacement.length)))}`,
  );
  return out;
}

/** Wraps prose to `width` columns, each line behind two blanks. Existing line breaks are kept. */
export function wrap(text: string, width = 78): string[] {
  const out: string[] = [];
  for (const paragraph of text.split("\n")) {
    let row = "";
    for (const word of paragraph.split(" ")) {
      if (row !== "" && row.length + word.length + 1 > width) {
        out.push(`  ${row}`);
        row = word;
      } else {
        row = row === "" ? word : `${row} ${word}`;
      }
    }
    out.push(`  ${row}`.trimEnd());
  }
  return out;
}

/** One diagnostic as text, without a final line break. */
export function renderDiagnostic(d: Diagnostic, options: RenderOptions = {}): string {
  const paint = painter(options.color ?? false);
  const tint = d.severity === "error" ? paint.red : paint.yellow;
  const out = [
    `${tint(paint.bold(`${d.severity}[${d.code}]`))}: ${paint.bold(printable(d.title))}`,
  ];
  if (d.labels.length > 0) out.push("", ...frame(d.labels, paint));
  else if (d.why !== undefined || d.help.length > 0 || d.notes !== undefined) out.push("");
  if (d.why !== undefined) {
    out.push(...wrap(printable(d.why)));
    if (d.help.length > 0) out.push("");
  }
  for (const [key, value] of d.notes ?? []) out.push(`  ${key.padEnd(6)} ${value}`);
  for (const help of d.help) out.push(...renderHelp(help, paint));
  return out.join("\n");
}

/** Several diagnostics, one blank line between them. */
export function renderDiagnostics(
  list: readonly Diagnostic[],
  options: RenderOptions = {},
): string {
  return list.map((d) => renderDiagnostic(d, options)).join("\n\n");
}

/** `path:line:column` of a span. */
export function placeOf(span: Span): string {
  const at = positionAt(span.source, span.start);
  return `${span.source.path}:${at.line}:${at.column}`;
}
