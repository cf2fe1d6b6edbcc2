import fc from "fast-check";
import { expect, test } from "vitest";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { check, format, parseFile } from "../../dsl/index.ts";
import { edits, mutated, programs } from "../support/damaged_ane.ts";
import { bare, file, textOfFile } from "../support/random_ane.ts";

const source = (text: string) => ({ path: "fuzz.ane", text });

function parsed(text: string): unknown {
  const { ast, diagnostics } = parseFile(source(text));
  expect(renderDiagnostics(diagnostics)).toBe("");
  return bare(ast);
}

test("a tree, its text and its layout are one", () => {
  fc.assert(
    fc.property(file, (tree) => {
      const text = textOfFile(tree);
      expect(parsed(text)).toEqual(tree);
      const laid = format(text);
      expect(parsed(laid)).toEqual(tree);
      expect(format(laid)).toBe(laid);
    }),
    { numRuns: 500 },
  );
});

test("space, line breaks inside brackets and comments change nothing", () => {
  const blank = fc.constantFrom(" ", "  ", "\t", " \t ");
  const ending = fc.constantFrom("\n", "\r\n", " // note\n", "\n\n\n", "\n  // note\n\n");
  fc.assert(
    fc.property(
      file,
      fc.infiniteStream(blank),
      fc.infiniteStream(ending),
      (tree, blanks, endings) => {
        const text = textOfFile(tree)
          .replace(/ /g, () => blanks.next().value as string)
          .replace(/\n/g, () => endings.next().value as string);
        const spread = `\ufeff${text.replace(/([,(])(?=[ \t])/g, "$1\n")}`;
        expect(parsed(text)).toEqual(tree);
        expect(parsed(format(text))).toEqual(tree);
        expect(format(format(text))).toBe(format(text));
        const openOnly = tree.every((i) => i.kind !== "dims" && i.kind !== "set");
        if (openOnly) expect(parsed(spread)).toEqual(tree);
      },
    ),
    { numRuns: 200 },
  );
});

/** Valid programs, small enough to elaborate often. */
test("broken programs are checked to the end, and every place lies in its text", {
  timeout: 120_000,
}, () => {
  const texts = programs();
  const codes = new Set<string>();
  fc.assert(
    fc.property(fc.nat(texts.length - 1), edits, (which, seed) => {
      const text = mutated(texts[which]!, seed.slice(0, 4));
      for (const { code, labels } of check(source(text))) {
        codes.add(code.slice(0, 3));
        for (const { span } of labels) {
          expect(span.start).toBeGreaterThanOrEqual(0);
          expect(span.end).toBeLessThanOrEqual(span.source.text.length + 1);
        }
      }
    }),
    { numRuns: 600 },
  );
  expect([...codes].sort()).toEqual(["E01", "E02", "E03"]);
});

test("what is nested or long beyond reason is refused, not followed", () => {
  const body = (text: string) => `dims S = 1\nlayer f(x: [S]) -> [S] {\n  return ${text}\n}\n`;
  const codes = (text: string) => check(source(text)).map((d) => d.code);
  expect(codes(body(`${"(".repeat(50_000)}x${")".repeat(50_000)}`))).toEqual(["E0108"]);
  expect(codes(body(`${"-".repeat(50_000)}x`))).toEqual(["E0109"]);
  expect(codes(body(`x${"'".repeat(50_000)}`))).toEqual(["E0109"]);
  expect(codes(body(`x${" + x".repeat(50_000)}`))).toEqual(["E0109"]);
  expect(codes("{".repeat(50_000))).toEqual(["E0108"]);
  expect(codes(body(`${"(".repeat(99)}x${")".repeat(99)}`))).toEqual([]);
  expect(codes(body(`x${" + x".repeat(900)}`))).toEqual([]);
  expect(codes(body(`${"-".repeat(1900)}x`))).toEqual([]);
});

test("a chain of calls is refused beyond its limit, in either order", () => {
  const chain = (count: number, reversed: boolean) => {
    const layers = Array.from({ length: count }, (_, i) => {
      const call = i === 0 ? "x" : `f${i - 1}(x)`;
      return `layer f${i}(x: [S]) -> [S] { return ${call} }`;
    });
    return `dims S = 1\n${(reversed ? layers.reverse() : layers).join("\n")}\n`;
  };
  for (const reversed of [false, true]) {
    expect(check(source(chain(150, reversed)))).toEqual([]);
    expect(check(source(chain(1000, reversed))).map((d) => d.code)).toEqual(["E0318"]);
  }
});
