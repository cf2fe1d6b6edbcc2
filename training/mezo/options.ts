/**
 * Training without gradients: what a step is made of.
 *
 *   mezo   two losses, at θ + εz and θ − εz; a step along z by their difference
 *   fzoo   the loss at θ and at θ + εz for several z; a step along each, in units of the losses' deviation
 */
import { needNumber, needWhole, type TrainSettings } from "../options.ts";

export const zerothMethods = ["mezo", "fzoo"] as const;

export interface ZerothOrder {
  readonly method: (typeof zerothMethods)[number];
  /** How far a parameter is moved to look at the loss. A power of two, except with `--compat autoane`. */
  readonly epsilon: number;
  /** Directions of one step of `fzoo`. */
  readonly probes: number;
}

/** What AutoANE takes, and what was best there. */
const EPSILON = 1e-3;
const PROBES = 4;
const MOST_PROBES = 64;
const RATE = 1e-5;
const LORA_RATE = 1e-4;
/**
 * FZOO's steps have the length of its rate, whatever the losses are: one of 1e-4 · √n moves as much as one of MeZO
 * with a projected gradient of 10 and a rate of 1e-5.
 */
const FZOO_RATE = 1e-4;

export interface ZerothChoice {
  readonly method: ZerothOrder["method"];
  readonly epsilon?: number | undefined;
  readonly probes?: number | undefined;
  /** Whether adapters are trained, which take a higher rate. */
  readonly isLora?: boolean;
}

/** The power of two that is nearest to a number, as a factor. */
export function nearestPower(x: number): number {
  return 2 ** Math.round(Math.log2(x));
}

/**
 * Settings of a run without gradients: those given, and defaults that differ from other runs'. Throws a `UserError`
 * (E0901).
 */
export function zerothSettings(
  { method, epsilon = EPSILON, probes = PROBES, isLora = false }: ZerothChoice,
  given: Partial<TrainSettings> = {},
): Partial<TrainSettings> {
  needNumber("eps", epsilon, 2 ** -20, 1);
  needWhole("probes", probes, 1, MOST_PROBES);
  const exact = given.compat === "autoane" ? epsilon : nearestPower(epsilon);
  const lr =
    method === "fzoo" && given.compat !== "autoane" ? FZOO_RATE : isLora ? LORA_RATE : RATE;
  const fixed = { accum: 1, batch: 1, warmup: 0, clip: 0, wd: 0 };
  return { lr, ...given, ...fixed, zeroth: { method, epsilon: exact, probes } };
}
