import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { format, parseFile } from "../../dsl/index.ts";
import { edits, mutated, programs } from "../support/damaged_ane.ts";

const source = (text: string) => ({ path: "fuzz.ane", text });

test("10,000 broken programs are read without harm", { timeout: 120_000 }, () => {
  const texts = programs();
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(texts.length - 1), edits, (which, seed) => {
      const text = mutated(texts[which]!, seed);
      const { diagnostics } = parseFile(source(text));
      if (diagnostics.length > 0) refused += 1;
      expect(renderDiagnostics(diagnostics)).not.toMatch(/undefined|NaN|\[object/);
      if (diagnostics.length > 0) expect(() => format(text)).toThrow(UserError);
      else expect(format(format(text))).toBe(format(text));
    }),
    { numRuns: 10_000 },
  );
  expect(refused).toBeGreaterThan(5_000);
});
