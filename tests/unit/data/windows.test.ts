import { expect, test } from "vitest";
import {
  autoaneValidationWindows,
  copyWindow,
  fixedValidationWindows,
  stepWindow,
  trainWindow,
} from "../../../training/data/windows.ts";
import { createRandom } from "../../../training/random.ts";

// Positions that the C programs give for a file of 20,000,000 tokens.
const TRAIN = 18_000_000;
const VAL = 2_000_000;

const golden = {
  128: {
    train: [13401353, 6168582, 1999520, 7602046, 1459990],
    step: [13401353, 11304050, 9206747, 7109444],
    fixed: [
      18204655, 19271469, 19606873, 19851375, 19549928, 19074900, 19184248, 18829763, 19180658,
      18604873,
    ],
    at100: [
      18779773, 19647979, 18970219, 18680090, 19058578, 18929468, 18586860, 18998836, 19088251,
      19567454,
    ],
  },
  256: {
    train: [13401258, 6168538, 1999506, 7601992, 1459980],
    step: [13401258, 11303970, 9206682, 7109393],
    fixed: [
      18204642, 19271388, 19606770, 19851257, 19549829, 19074832, 19184172, 18829710, 19180583,
      18604834,
    ],
    at100: [
      18779723, 19647874, 18970156, 18680047, 19058511, 18929409, 18586823, 18998772, 19088181,
      19567354,
    ],
  },
} as const;

test.each([128, 256] as const)("windows of %i tokens are where the C programs put them", (S) => {
  const random = createRandom(42);
  const { train, step, fixed, at100 } = golden[S];
  expect(train.map(() => trainWindow(random, TRAIN, S))).toEqual(train);
  expect(step.map((_, i) => stepWindow(42, i, TRAIN, S))).toEqual(step);
  expect(fixedValidationWindows(TRAIN, VAL, S)).toEqual(fixed);
  expect(autoaneValidationWindows(100, TRAIN, VAL, S)).toEqual(at100);
});

test("a split that holds one window gives that window", () => {
  expect(trainWindow(createRandom(1), 10, 8)).toBe(0);
  expect(fixedValidationWindows(90, 10, 8, 3)).toEqual([90, 90, 90]);
  expect(() => trainWindow(createRandom(1), 9, 8)).toThrow("bug in anec");
});

test("targets are the inputs one token later", () => {
  const inputs = new Int32Array(3);
  const targets = new Int32Array(3);
  copyWindow(Uint16Array.of(9, 8, 7, 6, 5), 1, inputs, targets);
  expect([...inputs]).toEqual([8, 7, 6]);
  expect([...targets]).toEqual([7, 6, 5]);
  expect(() => copyWindow(new Uint16Array(4), 1, inputs, targets)).toThrow("bug in anec");
});
