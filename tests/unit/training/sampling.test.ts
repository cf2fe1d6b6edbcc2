/** How the next token is picked. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../../training/random.ts";
import {
  checkSampling,
  defaultSampling,
  pickToken,
  type SamplingOptions,
} from "../../../training/sampling.ts";
import { errorOf } from "../data/support.ts";

function counts(
  logits: readonly number[],
  options: Partial<SamplingOptions>,
  draws = 20000,
): number[] {
  const random = createRandom(1);
  const found = logits.map(() => 0);
  const all = { ...defaultSampling, temperature: 1, ...options };
  for (let i = 0; i < draws; i++) {
    const picked = pickToken(Float32Array.from(logits), all, random);
    found[picked] = found[picked]! + 1 / draws;
  }
  return found;
}

const logits = [0, 1, 2, -1, Number.NEGATIVE_INFINITY].map((z) => z * Math.LN2); // 1 : 2 : 4 : ½ : 0

test("temperature 0 takes the largest, the first of equals", () => {
  expect(counts([1, 3, 3, 2], { temperature: 0 }, 5)).toEqual([0, 1, 0, 0]);
});

test("temperature 1 draws by probability", () => {
  const found = counts(logits, {});
  for (const [i, weight] of [1, 2, 4, 0.5, 0].entries())
    expect(found[i]).toBeCloseTo(weight / 7.5, 1);
  expect(found[4]).toBe(0);
});

test("temperature ½ squares the ratios", () => {
  const found = counts(logits, { temperature: 0.5 });
  for (const [i, weight] of [1, 4, 16, 0.25, 0].entries())
    expect(found[i]).toBeCloseTo(weight / 21.25, 1);
});

test("top-k keeps the k largest", () => {
  const found = counts(logits, { topK: 2 });
  expect([found[0], found[3], found[4]]).toEqual([0, 0, 0]);
  expect(found[2]).toBeCloseTo(4 / 6, 1);
});

test("top-p keeps the largest that reach p together", () => {
  // 4/7.5 = 0.533, with the next 0.8, with the next 0.933.
  expect(counts(logits, { topP: 0.5 })[2]).toBeCloseTo(1, 9);
  expect(counts(logits, { topP: 0.6 }).slice(0, 2)[0]).toBe(0);
  expect(counts(logits, { topP: 0.9 })[3]).toBe(0);
  expect(counts(logits, { topP: 0.9 })[0]).toBeGreaterThan(0.1);
  expect(counts(logits, { topP: 0 })[2]).toBeCloseTo(1, 9);
});

test("top-p counts among the top k", () => {
  expect(counts(logits, { topK: 2, topP: 0.66 })[1]).toBe(0);
  expect(counts(logits, { topK: 2, topP: 0.67 })[1]).toBeGreaterThan(0.2);
});

test("what is picked is always allowed, and a seed repeats", () => {
  const logit = fc.oneof(
    fc.double({ min: -50, max: 50, noNaN: true }),
    fc.constant(Number.NEGATIVE_INFINITY),
  );
  const property = fc.property(
    fc.array(logit, { minLength: 1, maxLength: 40 }),
    fc.double({ min: 0, max: 5, noNaN: true }),
    fc.nat(45),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(1000),
    (values, temperature, topK, topP, seed) => {
      fc.pre(values.some((z) => z > Number.NEGATIVE_INFINITY));
      const all = Float32Array.from(values);
      const pick = () => pickToken(all, { temperature, topK, topP }, createRandom(seed));
      const picked = pick();
      expect(pick()).toBe(picked);
      expect(all[picked]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      const above = all.filter((z) => z > all[picked]!).length;
      if (topK > 0) expect(above).toBeLessThan(topK);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test.each<[Partial<SamplingOptions>, string]>([
  [{ temperature: -1 }, "`--temperature` is -1, but it must be a number from 0 to 100"],
  [{ temperature: Number.NaN }, "`--temperature` is NaN, but it must be a number from 0 to 100"],
  [{ topK: 1.5 }, "`--top-k` is 1.5, but it must be a whole number from 0"],
  [{ topP: 1.01 }, "`--top-p` is 1.01, but it must be a number from 0 to 1"],
])("refuses %j", async (options, title) => {
  expect(await errorOf(() => checkSampling({ ...defaultSampling, ...options }))).toBe(
    `E0901 ${title}`,
  );
});
