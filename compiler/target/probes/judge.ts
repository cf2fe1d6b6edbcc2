/** What the outcomes of a probe's steps say: claim by claim, against what we expect. */

import { factOf } from "../facts/index.ts";
import type { Claim, Outcomes, Probe, ProbeMachine, ProbeNumbers } from "./define.ts";
import { isSaidOf } from "./define.ts";

/** `unclear`: the probe could not tell. */
export type ProbeVerdict = "confirms" | "refutes" | "unclear";

export interface ClaimResult {
  readonly fact?: string;
  readonly question?: string;
  readonly expected: string;
  readonly found?: string;
  readonly verdict: ProbeVerdict;
  /** What that says of the fact's statement, where the statement is about this machine. */
  readonly says?: "holds" | "refuted";
  /** Why nothing can be told, or what else was seen. */
  readonly why?: string;
  readonly numbers?: ProbeNumbers;
}

/** The results of a probe's claims. */
export function judge(probe: Probe, outcomes: Outcomes, machine: ProbeMachine): ClaimResult[] {
  return probe.claims.map((claim) => resultOf(claim, outcomes, machine));
}

/** The results of a probe whose process ended before there were outcomes. */
export function unjudged(probe: Probe, why: string, machine: ProbeMachine): ClaimResult[] {
  return probe.claims.map((claim) => ({ ...head(claim, machine), verdict: "unclear", why }));
}

function head({ fact, question, expects }: Claim, machine: ProbeMachine) {
  return {
    ...(fact === undefined ? {} : { fact }),
    ...(question === undefined ? {} : { question }),
    expected: expects(machine),
  };
}

function resultOf(claim: Claim, outcomes: Outcomes, machine: ProbeMachine): ClaimResult {
  const told = head(claim, machine);
  const fault = faultOf(claim.needs, outcomes);
  if (fault !== undefined) return { ...told, verdict: "unclear", why: fault };
  const { answer, why, numbers } = claim.read(outcomes);
  const rest = {
    ...(why === undefined ? {} : { why }),
    ...(numbers === undefined ? {} : { numbers }),
  };
  if (answer === undefined) return { ...told, verdict: "unclear", ...rest };
  const fact = claim.fact === undefined ? undefined : factOf(claim.fact);
  const says = claim.holds.includes(answer) ? "holds" : "refuted";
  return {
    ...told,
    found: answer,
    verdict: answer === told.expected ? "confirms" : "refutes",
    ...(fact !== undefined && isSaidOf(fact, machine) ? { says } : {}),
    ...rest,
  };
}

/** Why a step that a claim needs is no use. */
function faultOf(needs: readonly string[], outcomes: Outcomes): string | undefined {
  for (const label of needs) {
    const outcome = outcomes.get(label);
    if (outcome === undefined) return `${label} was not tried`;
    if (outcome.kind === "refused" || outcome.kind === "failed")
      return `${label}: ${outcome.kind}: ${outcome.words}`;
  }
  return undefined;
}
