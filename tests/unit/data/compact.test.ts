import fc from "fast-check";
import { expect, test } from "vitest";
import { compactVocabulary } from "../../../training/data/compact.ts";
import { rowOfId } from "../../../training/vocabulary.ts";

test("ids of the training split get rows in order, all others share the spare", () => {
  const { active, size } = compactVocabulary(Uint16Array.of(4, 1, 4, 5), 3);
  expect([...active]).toEqual([1, 4]);
  expect(size).toBe(3);
  const toRow = rowOfId({ dim: "V", full: 6, size, active })!;
  expect([0, 1, 2, 3, 4, 5].map(toRow)).toEqual([2, 0, 2, 2, 1, 2]);
});

test("compact and full ids are inverse on what training saw", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(49), { minLength: 1 }), fc.nat(), (ids, cut) => {
      const valStart = 1 + (cut % ids.length);
      const c = compactVocabulary(Uint16Array.from(ids), valStart);
      const toRow = rowOfId({ dim: "V", full: 50, ...c })!;
      for (const id of ids.slice(0, valStart)) expect(c.active[toRow(id)]).toBe(id);
      expect(c.size).toBe(new Set(ids.slice(0, valStart)).size + 1);
      expect(Math.max(...Array.from({ length: 50 }, (_, id) => toRow(id)))).toBeLessThan(c.size);
    }),
  );
});
