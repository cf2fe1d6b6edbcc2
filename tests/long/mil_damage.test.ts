/** Damaged programs are read, or refused with a place; what is read is checked and mended. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type MilProgram, sameTree } from "../../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { positionAt } from "../../compiler/support/source.ts";
import { checkForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { damagedPrograms, validPrograms } from "../support/random_mil_damage.ts";

/** Holds that every mistake has a place inside the text and can be shown. */
function placesAreInside(found: readonly Diagnostic[], text: string): void {
  for (const d of found) {
    if (d.labels.length === 0) expect.fail(`${d.code} without a place: ${d.title}`);
    for (const { span } of d.labels) {
      const { line, column } = positionAt(span.source, span.start);
      const isInside = 0 <= span.start && span.start <= span.end && span.end <= text.length;
      if (span.source.text !== text || !isInside || line < 1 || column < 1) {
        expect.fail(`${d.code} at ${span.start}..${span.end} of ${text.length}`);
      }
    }
  }
  renderDiagnostics(found);
}

/** The tree, or undefined if the text was refused with places. */
function readOrRefused(text: string): MilProgram | undefined {
  try {
    return parseMil({ path: "damaged.mil", text });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.diagnostics.length).toBeGreaterThan(0);
    placesAreInside(error.diagnostics, text);
    return undefined;
  }
}

test("there are many valid programs to damage", () => {
  expect(validPrograms.length).toBeGreaterThan(300);
});

test("10,000 damaged programs are read and checked, or refused with a place", () => {
  let [read, refused, faulty] = [0, 0, 0];
  fc.assert(
    fc.property(damagedPrograms(validPrograms), fc.constantFrom(...CHIP_NAMES), (text, chip) => {
      const tree = readOrRefused(text);
      if (tree === undefined) {
        refused += 1;
        return;
      }
      read += 1;
      const found = checkMil(tree);
      if (found.some((d) => d.severity === "error")) faulty += 1;
      placesAreInside(found, text);
      placesAreInside(checkForChip(tree, { chip }), text);
      const printed = printMil(tree);
      expect(sameTree(parseMil({ path: "again.mil", text: printed }), tree)).toBe(true);
    }),
    { numRuns: 10_000 },
  );
  // Neither outcome is rare, nor is a program that reads well and makes no sense.
  for (const count of [read, refused, faulty]) expect(count).toBeGreaterThan(1000);
});

const errorsOf = (tree: MilProgram): string[] =>
  checkMil(tree).flatMap((d) => (d.severity === "error" ? [d.title] : []));

test("damaged programs that make sense can be mended, are read again, and still make sense", () => {
  let mended = 0;
  fc.assert(
    fc.property(damagedPrograms(validPrograms), fc.constantFrom(...CHIP_NAMES), (text, chip) => {
      const tree = readOrRefused(text);
      if (tree === undefined || errorsOf(tree).length > 0) return;
      mended += 1;
      const { program, applied } = fixForChip(tree, { chip });
      const again = parseMil({ path: "mended.mil", text: printMil(program) });
      expect(sameTree(again, program)).toBe(true);
      expect(errorsOf(again), applied.join(", ")).toEqual([]);
    }),
    { numRuns: 3000 },
  );
  expect(mended).toBeGreaterThan(200);
});
