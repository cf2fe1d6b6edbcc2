/** Tables, numbers and progress lines, all plain text. */
import { grouped } from "../compiler/messages/files.ts";
import { wrap } from "../compiler/support/render.ts";
import type { Sink } from "./io.ts";

export { count, grouped } from "../compiler/messages/files.ts";
export { bytesText, scaled } from "../compiler/support/numbers.ts";

export interface TableOptions {
  /** Column titles. */
  readonly head?: readonly string[];
  /** Columns whose cells end at the same place: numbers. */
  readonly right?: readonly number[];
  readonly indent?: number;
}

/** Rows of cells as aligned text, two blanks between columns, one line break after each row. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { head, right = [], indent = 2 } = options;
  const all = head === undefined ? rows : [head, ...rows];
  const columns = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(0, ...all.map((row) => (row[i] ?? "").length)),
  );
  const line = (row: readonly string[]): string => {
    const cells = row.map((cell, i) =>
      right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
    );
    return `${" ".repeat(indent)}${cells.join("  ")}`.trimEnd();
  };
  return all.map((row) => `${line(row)}\n`).join("");
}

/** "1 match", "2 matches": a count of a noun with an irregular plural. */
export function counted(n: number, one: string, many: string): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** `key  value` lines. */
export function pairs(rows: readonly (readonly [key: string, value: string])[]): string {
  return table(rows);
}

/** "8 s", "3 min 05 s", "2 h 10 min". */
export function durationText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${String(s % 60).padStart(2, "0")} s`;
  return `${grouped(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A path as a word of a command line to copy: in quotes if the shell would take it apart. */
export function shellWord(path: string): string {
  const safe = path.startsWith("-") ? `./${path}` : path;
  return /^[\w./:@%+,~=-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}

/** One line of text for a machine. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * A line that is written over itself on a terminal. In a pipe `update` prints nothing: callers
 * print what is worth keeping with `print`.
 */
export interface LiveLine {
  update(text: string): void;
  /** A line that stays, above the live one. */
  print(text: string): void;
  /** Removes the live line. */
  end(): void;
}

export function liveLine(sink: Sink): LiveLine {
  let shown = "";
  const end = (): void => {
    if (shown !== "") sink.write(`\r${" ".repeat(shown.length)}\r`);
    shown = "";
  };
  const update = (text: string): void => {
    if (!sink.isTerminal) return;
    const fitting = text.slice(0, Math.max(1, sink.columns - 1));
    sink.write(`\r${fitting.padEnd(shown.length)}`);
    shown = fitting;
  };
  const print = (text: string): void => {
    const again = shown;
    end();
    sink.write(`${text}\n`);
    if (again !== "") update(again);
  };
  return { update, print, end };
}

/** Prose in lines, two blanks before each. */
export function wrapped(text: string): string {
  return `${wrap(text).join("\n")}\n`;
}
