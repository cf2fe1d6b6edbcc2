/** The gate keeps its promise for any noise, gives nothing up too early, and says when it cannot work at all. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkGate, judge, patternsAtOrBelow, pValue } from "../../../training/search/gate.ts";
import { meanOf } from "../../../training/search/record.ts";
import { userError } from "../../support/user_error.ts";
import { normal, uniform } from "./support.ts";

/** Every choice of signs, one by one. */
function patternsSlowly(differences: readonly number[]): number {
  const sum = (signs: number): number =>
    differences.reduce((total, d, i) => total + ((signs >> i) & 1 ? -d : d), 0);
  let found = 0;
  for (let signs = 0; signs < 2 ** differences.length; signs++) {
    if (sum(signs) <= sum(0) + 1e-9) found += 1;
  }
  return found;
}

const whole = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 9 });

test("choices of signs are counted as one by one", () => {
  fc.assert(
    fc.property(whole, (differences) => {
      expect(patternsAtOrBelow(differences)).toBe(patternsSlowly(differences));
    }),
  );
});

test("the p of five that are all better is 1/32; one that is worse is too many", () => {
  expect(pValue([-1, -2, -3, -4, -5])).toBe(1 / 32);
  expect(judge([-1, -2, -3, -4, -5], { seeds: 5, confidence: 0.95 })).toBe("passes");
  expect(judge([0.001], { seeds: 5, confidence: 0.95 })).toBe("fails");
  expect(judge([-1, -1], { seeds: 5, confidence: 0.95 })).toBe("open");
  expect(judge([0, 0, 0, 0, 0], { seeds: 5, confidence: 0.95 })).toBe("fails");
});

test("nothing is given up that could still pass, and nothing goes on that could not", () => {
  const gate = { seeds: 8, confidence: 0.95 };
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 7 }),
      (known) => {
        // The best that can follow: gains beyond all that is there.
        const left = Array.from({ length: gate.seeds - known.length }, () => -1e6);
        const best = judge([...known, ...left], gate);
        expect(judge(known, gate)).toBe(best === "passes" ? "open" : "fails");
      },
    ),
  );
});

const noises: readonly (readonly [string, (...words: number[]) => number])[] = [
  ["normal", (...words) => normal(...words)],
  ["with heavy tails", (...words) => Math.tan(Math.PI * (uniform(...words) - 0.5))],
  ["coarse", (...words) => Math.round(2 * normal(...words))],
  [
    "much wider for some seeds",
    (...words) => normal(...words) * 10 ** (3 * uniform("w", words[1]!)),
  ],
];

test.each(noises)("noise that is %s passes as often as was said, at most", (_, noise) => {
  const trials = 4000;
  for (const gate of [
    { seeds: 5, confidence: 0.95 },
    { seeds: 7, confidence: 0.95 },
    { seeds: 7, confidence: 0.99 },
    { seeds: 1, confidence: 0.5 },
  ]) {
    let passed = 0;
    for (let trial = 0; trial < trials; trial++) {
      const differences = Array.from(
        { length: gate.seeds },
        (_, i) => noise(trial, i, 0) - noise(trial, i, 1),
      );
      if (judge(differences, gate) === "passes") passed += 1;
    }
    const allowed = 1 - gate.confidence;
    // Four standard deviations of so many trials.
    const slack = 4 * Math.sqrt((allowed * (1 - allowed)) / trials);
    expect(passed / trials).toBeLessThanOrEqual(allowed + slack);
  }
});

test("resampling the differences of three seeds passes noise more than twice as often as it says", () => {
  let passed = 0;
  for (let trial = 0; trial < 1000; trial++) {
    const differences = [0, 1, 2].map((i) => normal(trial, i, 0) - normal(trial, i, 1));
    let better = 0;
    for (let draw = 0; draw < 27; draw++) {
      const resample = [draw % 3, Math.floor(draw / 3) % 3, Math.floor(draw / 9)];
      if (meanOf(resample.map((i) => differences[i]!)) < 0) better += 1;
    }
    if (better / 27 >= 0.95) passed += 1;
  }
  expect(passed / 1000).toBeGreaterThan(0.1);
});

test("a gate that nothing could pass is refused, with the seeds it needs", () => {
  expect(userError(() => checkGate({ seeds: 5, confidence: 0.95 }))).toBe("no error");
  expect(userError(() => checkGate({ seeds: 1, confidence: 0.5 }))).toBe("no error");
  expect(userError(() => checkGate({ seeds: 4, confidence: 0.95 }))).toBe(
    "E0990 4 seeds cannot show an improvement with a confidence of 0.95",
  );
  expect(userError(() => checkGate({ seeds: 6, confidence: 0.99 }))).toContain("E0990");
});
