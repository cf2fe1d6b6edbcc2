/**
 * What a probe is: programs with known answers, and what each answer says about the hardware.
 *
 *     export const sliceGain = defineProbe({
 *       name: "slice_gain",
 *       asks: "…",
 *       steps: () => [run("slice", milProgram([…]), { x: [5000, …] })],
 *       claims: [factClaim("slice_gain", { holds: "infinity", otherwise: "5000", needs: ["slice"], read })],
 *     });
 *
 * A probe is data: whoever has an engine carries out the steps and hands the outcomes to the claims
 * (`judge.ts`). A claim belongs to a fact or to an open question, names the answers there can be and
 * the one that we expect on a machine.
 */
import type { MilProgram } from "../../mil/tree.ts";
import { invariant } from "../../support/bug.ts";
import { type ChipName, familyOf } from "../chip_names.ts";
import { appliesTo, type Fact } from "../facts/define.ts";
import { factOf } from "../facts/index.ts";

/** What a probe runs on, as far as it is known. */
export interface ProbeMachine {
  readonly device: "ane" | "emulator";
  /** Undefined for a chip that is newer than the facts. */
  readonly chip?: ChipName;
  /** Version of macOS. */
  readonly os?: string;
}

/** Weight files by the path that the program writes. */
export type ProbeWeights = Readonly<Record<string, Uint8Array>>;

/** Compiles, loads and evaluates a program once. */
export interface RunStep {
  readonly kind: "run";
  readonly label: string;
  readonly program: MilProgram;
  readonly weights: ProbeWeights;
  /** Row-major values of each input. */
  readonly inputs: Readonly<Record<string, ArrayLike<number>>>;
  /** Evaluations, of which the median time counts. Default: 1. */
  readonly times?: number;
  /** Surfaces with the published layout instead of the one that the program reports. */
  readonly published?: boolean;
  /** Which of the program's functions is run. Default: the first. */
  readonly procedure?: number;
}

/** Compiles and loads a program. */
export interface CompileStep {
  readonly kind: "compile";
  readonly label: string;
  readonly program: MilProgram;
  readonly weights: ProbeWeights;
}

/** Compiles and loads program after program, until one fails. */
export interface ManyStep {
  readonly kind: "many";
  readonly label: string;
  readonly count: number;
  /** Whether all of them stay loaded. */
  readonly keep: boolean;
  /** `salt` is a word that no earlier run had, for programs that nobody may have compiled before. */
  readonly program: (index: number, salt: string) => MilProgram;
}

export type ProbeStep = RunStep | CompileStep | ManyStep;

/** What became of a step. */
export type Outcome =
  | {
      readonly kind: "ran";
      readonly outputs: Readonly<Record<string, ArrayLike<number>>>;
      /** Of one evaluation: the engine's own time, or that of the call where it gives none. */
      readonly nanoseconds: number;
    }
  | { readonly kind: "compiled"; readonly count: number }
  /** The system's compiler or loader said no; `count` programs went through before. */
  | { readonly kind: "refused"; readonly words: string; readonly count: number }
  /** It compiled, and the evaluation failed; or something else went wrong. */
  | { readonly kind: "failed"; readonly words: string };

export type Outcomes = ReadonlyMap<string, Outcome>;

/** Numbers behind an answer; infinities and NaN are words, so that JSON can hold them. */
export type ProbeNumbers = Readonly<Record<string, number | string>>;

/** What the outcomes say. Without an answer they say nothing, and `why` tells why. */
export interface Reading {
  readonly answer?: string;
  readonly why?: string;
  readonly numbers?: ProbeNumbers;
}

export interface Claim {
  /** Either a fact or an open question is decided. */
  readonly fact?: string;
  readonly question?: string;
  /** Every answer there can be. */
  readonly answers: readonly string[];
  /** Answers with which the fact's statement is true. */
  readonly holds: readonly string[];
  readonly expects: (machine: ProbeMachine) => string;
  /** Whether the emulator does not imitate what the fact says. */
  readonly notEmulated?: boolean;
  /** Steps that must have run or compiled, or nothing can be said. */
  readonly needs: readonly string[];
  readonly read: (outcomes: Outcomes) => Reading;
}

export interface Probe {
  /** In snake case, as the file. */
  readonly name: string;
  /** The question in one sentence. */
  readonly asks: string;
  /** Whether it needs a process of its own: it uses up what a process has. */
  readonly alone?: boolean;
  readonly steps: () => readonly ProbeStep[];
  readonly claims: readonly Claim[];
}

/** A probe; its claims are about facts and questions that exist. */
export function defineProbe(probe: Probe): Probe {
  invariant(probe.claims.length > 0, `probe ${probe.name} claims nothing`);
  return probe;
}

export interface FactClaimSpec {
  /** The answer with which the fact's statement is true. */
  readonly holds: string;
  /** The answer with which it is not. */
  readonly otherwise: string;
  /** What we go by where sources contradict each other: needed for such facts alone. */
  readonly weSay?: "holds" | "refuted";
  /** The emulator does not imitate it, as the fact's `emulator` says: there it does not hold. */
  readonly notEmulated?: boolean;
  readonly needs: readonly string[];
  readonly read: (outcomes: Outcomes) => Reading;
}

/**
 * A claim about a fact. Expected is what the fact says of the machine; where it says nothing, that
 * it does not hold there.
 */
export function factClaim(id: string, spec: FactClaimSpec): Claim {
  const fact = factOf(id);
  invariant(fact !== undefined, `there is no fact ${id}`);
  const isContested = fact.verdict === "depends";
  invariant(isContested === (spec.weSay !== undefined), `probe of ${id}: weSay`);
  const believed = spec.weSay ?? fact.verdict;
  return {
    fact: id,
    answers: [spec.holds, spec.otherwise],
    holds: [spec.holds],
    expects: (machine) => {
      const isLenient = machine.device === "emulator" && spec.notEmulated === true;
      const holds = believed === "holds" && !isLenient && isSaidOf(fact, machine);
      return holds ? spec.holds : spec.otherwise;
    },
    ...(spec.notEmulated === true ? { notEmulated: true } : {}),
    needs: spec.needs,
    read: spec.read,
  };
}

/** Whether a fact is about a machine. Of a chip that is not known, only facts about all chips are. */
export function isSaidOf(fact: Fact, { chip, os }: ProbeMachine): boolean {
  if (chip === undefined && fact.chips !== undefined) return false;
  return appliesTo(fact, chip === undefined ? "m5" : familyOf(chip), os);
}

export interface QuestionClaimSpec {
  readonly answers: readonly string[];
  readonly expects: string | ((machine: ProbeMachine) => string);
  readonly needs: readonly string[];
  readonly read: (outcomes: Outcomes) => Reading;
}

/** A claim about an open question (`questions.ts`). */
export function questionClaim(id: string, spec: QuestionClaimSpec): Claim {
  const { expects } = spec;
  return {
    question: id,
    answers: spec.answers,
    holds: [],
    expects: typeof expects === "string" ? () => expects : expects,
    needs: spec.needs,
    read: spec.read,
  };
}
