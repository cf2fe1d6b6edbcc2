/**
 * Whether a change is better beyond noise: a paired bootstrap over seeds, carried out in full.
 *
 * Both configurations are trained with the same seeds: the same initial values and the same order of the
 * text. If the change has no effect, each difference of losses is as likely d as −d. So the mean difference is
 * compared with the means under all 2^n choices of signs (the wild bootstrap with Rademacher weights, without
 * drawing at random, also known as the sign-flip test):
 *
 *     p = #{ s ∈ {−1, 1}^n : Σ s·d ≤ Σ d } / 2^n
 *
 * The change passes if p ≤ 1 − confidence. Under no effect that happens with a probability of at most
 * 1 − confidence, for any number of seeds and any shape of the noise. Resampling the differences themselves does
 * not keep that promise with few seeds: of three, all are negative in one case of eight, and every resample then
 * says "better".
 */
import { gateNeedsSeeds } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";

export interface Gate {
  /** K, the pairs of a comparison. */
  readonly seeds: number;
  /** Between 0.5 and 1. */
  readonly confidence: number;
}

/** 2^16 sums are the most that are looked at. */
export const MOST_SEEDS = 16;

/** Throws a `UserError` (E0990) if no losses at all could pass. */
export function checkGate({ seeds, confidence }: Gate): void {
  if (patternsAllowed({ seeds, confidence }) >= 1) return;
  const needed = Math.ceil(-Math.log2(1 - confidence) - 1e-9);
  throw new UserError(gateNeedsSeeds(seeds, confidence, needed));
}

/** Choices of signs that may lie at or below what was observed. */
function patternsAllowed({ seeds, confidence }: Gate): number {
  return Math.floor((1 - confidence) * 2 ** seeds + 1e-9);
}

/** How many of the 2^n choices of signs give a sum of at most that of `differences`. Ties count. */
export function patternsAtOrBelow(differences: readonly number[]): number {
  // Flipping the signs of a set adds −2·Σ of the set, which must not be above 0.
  const slack = 1e-12 * differences.reduce((sum, d) => sum + Math.abs(d), 0);
  let sums = [0];
  for (const d of differences) sums = [...sums, ...sums.map((sum) => sum + d)];
  return sums.filter((sum) => sum >= -slack).length;
}

/** The p of the differences candidate − best; at least 1/2^n. */
export function pValue(differences: readonly number[]): number {
  return patternsAtOrBelow(differences) / 2 ** differences.length;
}

export type Verdict = "passes" | "fails" | "open";

/**
 * What is known after some of the pairs. `fails` comes as soon as no losses of the pairs that are left could make
 * the change pass: those would at best leave every choice of signs that flips one of them above the observed sum.
 * So a change is never given up that would have passed, and `passes` is said of all pairs only.
 */
export function judge(differences: readonly number[], gate: Gate): Verdict {
  if (patternsAtOrBelow(differences) > patternsAllowed(gate)) return "fails";
  return differences.length < gate.seeds ? "open" : "passes";
}
