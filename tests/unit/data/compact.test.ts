import fc from "fast-check";
import { expect, test } from "vitest";
import { compactVocabulary } from "../../../training/data/compact.ts";

test("ids of the training split get rows in order, all others share the spare", () => {
  const { active, spare, size, toCompact } = compactVocabulary(Uint16Array.of(4, 1, 4, 5), 3, 6);
  expect([...active]).toEqual([1, 4]);
  expect(spare).toBe(2);
  expect(size).toBe(3);
  expect([...toCompact]).toEqual([2, 0, 2, 2, 1, 2]);
});

test("compact and full ids are inverse on what training saw", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(49), { minLength: 1 }), fc.nat(), (ids, cut) => {
      const valStart = 1 + (cut % ids.length);
      const c = compactVocabulary(Uint16Array.from(ids), valStart, 50);
      for (const id of ids.slice(0, valStart)) expect(c.active[c.toCompact[id]!]).toBe(id);
      expect(c.size).toBe(new Set(ids.slice(0, valStart)).size + 1);
      expect(Math.max(...c.toCompact)).toBeLessThan(c.size);
    }),
  );
});
