/** Diagnostics as text where lines are long, and where there are many of them. */
import { expect, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostic, renderDiagnostics } from "../../../compiler/support/render.ts";
import { lineText, type SourceFile, spanOf } from "../../../compiler/support/source.ts";

const at = (source: SourceFile, start: number, end = start + 1): Diagnostic => ({
  code: "E0000",
  severity: "error",
  title: "here",
  labels: [{ span: spanOf(source, start, end), text: "this" }],
  help: [],
});

/** The shown line and the row below it. */
function rowsOf(d: Diagnostic): readonly [line: string, marks: string] {
  const rows = renderDiagnostic(d).split("\n");
  const i = rows.findIndex((row) => row.includes("~"));
  return [rows[i - 1]!, rows[i]!];
}

test.each([0, 1, 79, 80, 81, 500, 998, 999])("of a long line, the part around column %i", (n) => {
  const text = `${"a".repeat(n)}X${"b".repeat(999 - n)}`;
  const [line, marks] = rowsOf(at({ path: "p", text }, n));
  expect(line[marks.indexOf("~")]).toBe("X");
  expect(line.length).toBeLessThanOrEqual(10 + 160);
});

test("tabs and signs that steer a terminal are shown as one sign each", () => {
  const [line, marks] = rowsOf(at({ path: "p", text: "\t\u001b[31m\tX\u0007" }, 7));
  expect(line.slice(10)).toBe(" ␛[31m X␇");
  expect(line[marks.indexOf("~")]).toBe("X");
});

test("a line's text ends before its break", () => {
  const source = { path: "p", text: "a\r\nb\n\r\n\rc\r" };
  expect([1, 2, 3, 4, 5].map((n) => lineText(source, n))).toEqual(["a", "b", "", "\rc", ""]);
});

test("a thousand mistakes in one line of 5 MB", () => {
  const source = { path: "p", text: "x\t".repeat(2_500_000) };
  const list = Array.from({ length: 1000 }, (_, i): Diagnostic => {
    const d = at(source, i * 5000);
    const edit = { span: d.labels[0]!.span, replacement: "y" };
    return { ...d, help: [{ text: "write y", edit }] };
  });
  const start = performance.now();
  expect(renderDiagnostics(list).length).toBeLessThan(1000 * 1000);
  expect(performance.now() - start).toBeLessThan(2000);
});
