/**
 * Picks the next token from logits.
 *
 * `temperature` divides the logits; 0 takes the largest one. `topK` keeps the K largest. `topP` keeps the
 * largest ones whose probabilities together reach P. Equal logits at a limit are all kept.
 */
import { needNumber, needWhole } from "./options.ts";
import type { Random } from "./random.ts";

export interface SamplingOptions {
  readonly temperature: number;
  /** 0 for no limit. */
  readonly topK: number;
  /** 1 for no limit. */
  readonly topP: number;
}

export const defaultSampling: SamplingOptions = { temperature: 0.8, topK: 0, topP: 1 };

/** Throws a `UserError` (E0901) for an option out of range. */
export function checkSampling({ temperature, topK, topP }: SamplingOptions): void {
  needNumber("temperature", temperature, 0, 100);
  needWhole("top-k", topK, 0);
  needNumber("top-p", topP, 0, 1);
}

/** The index of a logit. Logits of −∞ are never picked; there must be another. */
export function pickToken(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const { temperature } = options;
  if (temperature === 0) return largest(logits);
  const top = logits[largest(logits)]!;
  const limit = limitOf(logits, top, options);
  const weight = (z: number) => (z >= limit ? Math.exp((z - top) / temperature) : 0);
  let total = 0;
  for (const z of logits) total += weight(z);
  let left = random.drand48() * total;
  let last = 0;
  for (let i = 0; i < logits.length; i++) {
    const w = weight(logits[i]!);
    if (w === 0) continue;
    last = i;
    left -= w;
    if (left < 0) return i;
  }
  // Rounding may leave a crumb at the end.
  return last;
}

/** The first index of the largest. */
function largest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** The lowest logit that is kept. */
function limitOf(logits: Float32Array, top: number, options: SamplingOptions): number {
  const { temperature, topK, topP } = options;
  if (topK === 0 && topP === 1) return Number.NEGATIVE_INFINITY;
  const sorted = Float32Array.from(logits).sort();
  const n = sorted.length;
  const kept = topK === 0 ? n : Math.min(topK, n);
  let limit = sorted[n - kept]!;
  if (topP === 1) return limit;
  const weight = (i: number) => Math.exp((sorted[i]! - top) / temperature);
  let total = 0;
  for (let i = n - 1; i >= n - kept; i--) total += weight(i);
  let sum = 0;
  for (let i = n - 1; i >= n - kept; i--) {
    sum += weight(i);
    limit = sorted[i]!;
    if (sum >= topP * total) break;
  }
  return limit;
}
