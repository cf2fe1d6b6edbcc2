/**
 * Where a sum of products leaves the accumulator.
 *
 * Each row of `x` is one sum; `w` is all ones. An accumulator of 32 bits with 16 fraction bits ends at
 * 32,768, an fp16 result at 65,504.
 */
import { defineProbe, factClaim, questionClaim } from "./define.ts";
import { filled, halves, matching, outputOf, rows, run, WEIGHT_FILE } from "./steps.ts";

const K = 32;
const SUMS = [
  [16384, 16376],
  [16384, 16384],
  [20000, 20000, -20000],
  [20000, -20000, 20000],
] as const;
const x = { name: "x", shape: [1, 1, SUMS.length, K], values: rows(SUMS, K) };
const ones = filled(K * K, () => 1);

/** The first column of a product that has the same number in all of them. */
const sums = (y: ArrayLike<number>): number[] => SUMS.map((_, i) => y[i * K]!);

const found = (y: ArrayLike<number>): Record<string, number> => {
  const [below, at, past, back] = sums(y) as [number, number, number, number];
  return { below, at, past, back };
};

const FIXED = [32768, Infinity, Infinity, 20000];
const WIDE = [32768, 32768, 20000, 20000];

export const accumulatorRange = defineProbe({
  name: "accumulator_range",
  asks: "Does a sum of products become an infinity at 32,768, and does it stay one?",
  steps: () => [
    run(
      "constant",
      [x],
      (b) => b.matmul(b.input("x"), b.weight({ path: WEIGHT_FILE, offset: 64 }, [1, 1, K, K])),
      { weights: halves(ones) },
    ),
    run("computed", [{ name: "w", shape: [1, 1, K, K], values: ones }, x], (b) =>
      b.matmul(b.input("x"), b.input("w")),
    ),
  ],
  claims: [
    factClaim("accumulator_range", {
      holds: "infinite from 32,768",
      otherwise: "finite beyond it",
      needs: ["constant"],
      read: (o) =>
        matching(found(outputOf(o, "constant")), {
          "infinite from 32,768": FIXED,
          "finite beyond it": WIDE,
        }),
    }),
    questionClaim("prefix_overflow", {
      answers: ["the order counts", "the order does not count"],
      expects: "the order counts",
      needs: ["constant"],
      read: (o) => {
        const { past, back } = found(outputOf(o, "constant"));
        return matching(
          { past: past!, back: back! },
          { "the order counts": [Infinity, 20000], "the order does not count": [20000, 20000] },
        );
      },
    }),
    questionClaim("computed_operands", {
      answers: ["like constants", "otherwise"],
      expects: "like constants",
      needs: ["constant", "computed"],
      read: (o) => {
        const numbers = found(outputOf(o, "computed"));
        const constant = Object.values(found(outputOf(o, "constant")));
        const { answer, ...rest } = matching(numbers, { "like constants": constant });
        return { ...rest, answer: answer ?? "otherwise" };
      },
    }),
  ],
});
