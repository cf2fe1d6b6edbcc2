/**
 * Probes that ask whether programs compile: those that a fact says are refused, beside programs that
 * differ in that alone and must be accepted for the answer to mean anything.
 */
import { invariant } from "../../support/bug.ts";
import { fp16, program } from "../facts/examples.ts";
import { factOf } from "../facts/index.ts";
import {
  type Claim,
  type CompileStep,
  defineProbe,
  type FactClaimSpec,
  factClaim,
  type Outcomes,
  type Probe,
  type Reading,
} from "./define.ts";
import { compileExample } from "./steps.ts";

interface Refusal {
  readonly asks: string;
  /** What we go by where sources contradict each other. */
  readonly weSay?: "holds" | "refuted";
  /** The emulator accepts them, as the fact's `emulator` says. */
  readonly notEmulated?: boolean;
  /** Programs that are refused if the fact holds. Default: the fact's own example. */
  readonly trials?: () => readonly CompileStep[];
  /** Programs that every chip accepts. Default: the fact's own example. */
  readonly controls?: () => readonly CompileStep[];
}

/** A probe of one fact of the kind `reject`, named like it. */
export function refusalProbe(
  id: string,
  { asks, weSay, notEmulated, ...programs }: Refusal,
): Probe {
  const fact = factOf(id);
  invariant(fact !== undefined, `there is no fact ${id}`);
  const { fires, silent } = fact.examples;
  const trials = programs.trials ?? (() => [compileExample("trial", fires)]);
  const controls = programs.controls ?? (() => [compileExample("control", silent)]);
  // Labels are known without building programs.
  return defineProbe({
    name: id,
    asks,
    steps: () => [...controls(), ...trials()],
    claims: [
      refusalClaim(id, {
        trials: trials().map((s) => s.label),
        controls: controls().map((s) => s.label),
        ...(weSay === undefined ? {} : { weSay }),
        ...(notEmulated === undefined ? {} : { notEmulated }),
      }),
    ],
  });
}

/** A program for each op, by its name: statements that make `y` of `x`, and more inputs if it needs them. */
export function opTrials(
  bodies: Readonly<Record<string, string>>,
  inputs = fp16("x", [1, 64, 1, 32]),
): readonly CompileStep[] {
  return Object.entries(bodies).map(([op, body]) => compileExample(op, program(inputs, body)));
}

/** A claim that the `trials` are refused where the `controls` are not. */
export function refusalClaim(
  id: string,
  spec: Pick<FactClaimSpec, "weSay" | "notEmulated"> & {
    readonly trials: readonly string[];
    readonly controls: readonly string[];
  },
): Claim {
  const { trials, controls, ...rest } = spec;
  return factClaim(id, {
    ...rest,
    holds: "refused",
    otherwise: "accepted",
    needs: controls,
    read: (outcomes) => readRefusals(outcomes, trials),
  });
}

/** `refused` if every one of the trials is. */
export function readRefusals(outcomes: Outcomes, trials: readonly string[]): Reading {
  const found = trials.map((label) => ({ label, outcome: outcomes.get(label) }));
  const lost = found.find((f) => f.outcome === undefined || f.outcome.kind === "failed");
  if (lost !== undefined) {
    const words = lost.outcome?.kind === "failed" ? lost.outcome.words : "it was not tried";
    return { why: `${lost.label}: ${words}` };
  }
  const accepted = found.filter((f) => f.outcome?.kind !== "refused").map((f) => f.label);
  const numbers = { programs: trials.length, accepted: accepted.length };
  if (accepted.length === 0) return { answer: "refused", numbers };
  const which =
    accepted.length === trials.length ? {} : { why: `accepted: ${accepted.join(", ")}` };
  return { answer: "accepted", ...which, numbers };
}
