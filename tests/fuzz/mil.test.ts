/** Random programs over all ops, types and forms are read and printed without loss. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { lexMil, TOKEN } from "../../compiler/mil/lex.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type MilProgram, sameTree } from "../../compiler/mil/tree.ts";
import { Reporter } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { checkForChip } from "../../compiler/target/check_chip.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { anyStatement, programOf } from "../support/random_mil.ts";
import { ALL_FORMS, formsOf } from "../support/random_mil_forms.ts";
import { opStatement, poolInputs } from "../support/random_mil_ops.ts";

const mixed = programOf(
  fc.oneof({ weight: 1, arbitrary: anyStatement }, { weight: 2, arbitrary: opStatement }),
);
const ofOps = programOf(opStatement, poolInputs);

const parsed = (text: string): MilProgram => parseMil({ path: "random.mil", text });

test("parse(print(tree)) is the tree, printing is a fixpoint, and every op and form occurs", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(mixed, (tree) => {
      formsOf(tree, (form) => seen.add(form));
      const printed = printMil(tree);
      const again = parsed(printed);
      if (!sameTree(again, tree)) expect(again).toEqual(tree);
      expect(printMil(again)).toBe(printed);
    }),
    { numRuns: 5000 },
  );
  expect(ALL_FORMS.filter((form) => !seen.has(form))).toEqual([]);
});

/** The tokens of a text with any white space between them, or none where none is needed. */
function respaced(text: string, spaces: readonly string[]): string {
  const { kinds, starts, ends } = lexMil({ path: "printed.mil", text }, new Reporter());
  const isWord = (i: number): boolean => kinds[i] === TOKEN.name || kinds[i] === TOKEN.number;
  const words = Array.from(kinds, (_, i) => {
    const space = spaces[i % spaces.length]!;
    return text.slice(starts[i], ends[i]) + (isWord(i) && isWord(i + 1) ? space || " " : space);
  });
  return spaces[0]! + words.join("");
}

const space = fc.constantFrom("", " ", "\t", "\n", "\r\n", "\n\n  ", ' // "no" string )\n', "//\n");

test("white space and comments anywhere change nothing", () => {
  fc.assert(
    fc.property(mixed, fc.array(space, { minLength: 1, maxLength: 7 }), (tree, spaces) => {
      expect(sameTree(parsed(respaced(printMil(tree), spaces)), tree)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("the checker answers for every tree, with or without places", () => {
  fc.assert(
    fc.property(mixed, (tree) => {
      for (const d of checkMil(tree)) expect(d.code).toMatch(/^E03[56]\d$/);
    }),
    { numRuns: 500 },
  );
});

test("the checkers answer for operands and parameters that do not fit", () => {
  let statements = 0;
  fc.assert(
    fc.property(ofOps, fc.constantFrom(...CHIP_NAMES), (tree, chip) => {
      const program = parsed(printMil(tree));
      for (const f of program.functions) statements += f.body.length;
      const found = checkMil(program);
      renderDiagnostics(found);
      for (const d of found) expect(d.labels.length, d.title).toBeGreaterThan(0);
      checkForChip(program, { chip });
    }),
    { numRuns: 2000 },
  );
  expect(statements).toBeGreaterThan(5000);
});
