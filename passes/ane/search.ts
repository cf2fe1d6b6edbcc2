/**
 * `--fusion auto`: every candidate is cut and its programs are lowered, the cost model of the chip says how
 * long a micro-step takes, and the cheapest that no fact rules out is taken.
 *
 *     const { chosen, candidates } = searchLayouts(graph, { chip: "m4", gradients: true });
 *     compile(graph, { target: "ane", gradients: true, layout: chosen });
 */
import type { Graph } from "../../compiler/ir/graph.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { bug } from "../../compiler/support/bug.ts";
import { diagnosticOf, findForChip } from "../../compiler/target/check_chip.ts";
import type { ChipName } from "../../compiler/target/chip_names.ts";
import { hostWorkOf } from "../../compiler/target/cost_host.ts";
import { type ScheduleCost, scheduleCost } from "../../compiler/target/cost_schedule.ts";
import { type Work, workOf } from "../../compiler/target/cost_work.ts";
import { runPasses } from "../pass.ts";
import { type PipelineName, pipelines } from "../pipeline.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { type AnePlan, callText, lowerCall, planAne } from "./compile.ts";
import type { Call } from "./cut.ts";
import type { Refusal } from "./fit.ts";
import type { Weights } from "./ports.ts";
import { scheduleOf } from "./schedule.ts";
import { type Scheme, WHOLE_BACKWARD } from "./schemes.ts";

export interface SearchOptions {
  readonly chip: ChipName;
  /** Whether the graph is to be differentiated. */
  readonly gradients: boolean;
  /** Only layouts with weights fed in this way. Default: all. */
  readonly weights?: Exclude<Weights, "baked">;
  /** Micro-steps that share one update, and so the staging of weights. Default 10. */
  readonly microSteps?: number;
}

/** Milliseconds of a micro-step by cause. */
export const CAUSES = [
  "dispatch",
  "products",
  "weights",
  "surfaces",
  "other",
  "host copies",
  "host ops",
  "staging",
] as const;
export type Cause = (typeof CAUSES)[number];

/** A candidate with what it is predicted to take. */
export interface Weighed extends Candidate {
  /** Names of its programs, in the order of execution. */
  readonly programs: readonly string[];
  readonly dispatches: number;
  /** Of a micro-step, with its share of staging. */
  readonly ms: number;
  readonly causes: Readonly<Record<Cause, number>>;
  /** Programs of its scheme that are too wide, and were cut. */
  readonly refusals: readonly Refusal[];
  /** `illegal`: `fact` rules it out. What is slower than the chosen one is not checked. */
  readonly verdict: "chosen" | "slower" | "illegal";
  readonly fact?: string;
  /** What the fact has against it, or the cause that makes it slower. */
  readonly reason: string;
}

export interface Search {
  readonly chip: ChipName;
  readonly microSteps: number;
  readonly chosen: Weighed;
  /** The cheapest first. */
  readonly candidates: readonly Weighed[];
}

type Costed = Omit<Weighed, "verdict" | "reason"> & { readonly lowered: readonly Lowered[] };

/** `graph` is as it was written; each candidate runs the passes that its scheme needs. */
export function searchLayouts(graph: Graph, options: SearchOptions): Search {
  const { chip, gradients, weights, microSteps = 10 } = options;
  const list = candidatesFor(chip, {
    training: gradients,
    ...(weights === undefined ? {} : { weights }),
  });
  const cost = costing(graph, { chip, gradients, microSteps });
  const costed = list.map(cost).sort((a, b) => a.ms - b.ms);
  const broken = new Map<Costed, Objection>();
  let chosen: Costed | undefined;
  for (const c of costed) {
    const objection = objectionTo(c, chip);
    if (objection !== undefined) broken.set(c, objection);
    else {
      chosen = c;
      break;
    }
  }
  // Where a fact rules out all of them, a program is refused in any case.
  const best = chosen ?? costed[0] ?? bug("no layouts to choose from");
  const weighed = costed.map((c): Weighed => {
    const { lowered: _, ...rest } = c;
    if (c === best) return { ...rest, verdict: "chosen", reason: "" };
    const objection = broken.get(c);
    if (objection !== undefined) return { ...rest, verdict: "illegal", ...objection };
    return { ...rest, verdict: "slower", reason: mainCause(c, best) };
  });
  return { chip, microSteps, chosen: weighed[costed.indexOf(best)]!, candidates: weighed };
}

/** A program with its cost, lowered once for all candidates that have it. */
interface Lowered {
  readonly name: string;
  readonly mil: MilProgram;
  readonly work: Work;
}

interface Costing {
  readonly chip: ChipName;
  readonly gradients: boolean;
  readonly microSteps: number;
}

function costing(
  graph: Graph,
  { chip, gradients, microSteps }: Costing,
): (candidate: Candidate) => Costed {
  const graphs = new Map<PipelineName, Graph>();
  const plans = new Map<Weights, Map<Scheme, AnePlan>>();
  const planFor = ({ scheme, weights }: Candidate): AnePlan => {
    const pipeline = gradients ? (scheme.foldsNorms ? "ane_train" : "ane_hybrid") : "ane";
    const optimised = once(graphs, pipeline, () => runPasses(graph, pipelines[pipeline]).graph);
    const bySchemes = once(plans, weights, () => new Map<Scheme, AnePlan>());
    return once(bySchemes, scheme, () => planAne(optimised, { scheme, weights }));
  };
  const programs = new Map<string, Lowered>();
  return (candidate) => {
    const plan = planFor(candidate);
    const calls = new Map<Lowered, number>();
    const programOf = new Map<Call, string>();
    for (const connection of plan.connections) {
      const key = `${JSON.stringify(candidate.splitK)} ${callText(connection)}`;
      const name = `p${programs.size}`;
      const known = once(programs, key, () => lowered(name, connection, candidate));
      programOf.set(connection.call, known.name);
      calls.set(known, (calls.get(known) ?? 0) + 1);
    }
    const { staging, schedule, hostNodes } = scheduleOf({ ...plan, programOf });
    const staged = staging.filter((s) => s.do === "host").length;
    const used = [...calls].map(([{ name }, times]) => ({ name, calls: times }));
    const works = new Map([...calls.keys()].map((p) => [p.name, p.work]));
    const hostWork = hostWorkOf(hostNodes.slice(staged));
    const found = scheduleCost({ staging, schedule, programs: used }, works, chip, hostWork);
    const causes = causesOf(found, microSteps);
    return {
      ...candidate,
      programs: [...new Set(plan.connections.map(({ call }) => call.name))],
      dispatches: found.dispatches,
      ms: CAUSES.reduce((sum, cause) => sum + causes[cause], 0),
      causes,
      refusals: plan.refusals,
      lowered: [...calls.keys()],
    };
  };
}

function lowered(
  name: string,
  connection: AnePlan["connections"][number],
  { scheme, weights, splitK }: Candidate,
): Lowered {
  const options = { scheme, weights, ...(splitK === undefined ? {} : { splitK }) };
  const { mil } = lowerCall(connection, options);
  return { name, mil, work: workOf(mil) };
}

/** The value of `make` for a key, made once. */
function once<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

function causesOf(cost: ScheduleCost, microSteps: number): Record<Cause, number> {
  const { dispatch, products, weights, surfaces, total } = cost.engine;
  return {
    dispatch,
    products,
    weights,
    surfaces,
    other: total - dispatch - products - weights - surfaces,
    "host copies": cost.writes + cost.reads + cost.copies,
    "host ops": cost.hostOps,
    staging: cost.staging / microSteps,
  };
}

interface Objection {
  readonly fact: string;
  readonly reason: string;
}

/** The first fact that rules out one of the programs. */
function objectionTo({ scheme, lowered: list }: Costed, chip: ChipName): Objection | undefined {
  if (scheme.programs.includes(WHOLE_BACKWARD)) {
    const reason = `\`${WHOLE_BACKWARD.name}\` has a softmax and its whole gradient in one program`;
    return { fact: "attention_cycle", reason };
  }
  for (const { mil } of list) {
    for (const { fact, findings } of findForChip(mil, { chip })) {
      const { severity, title } = diagnosticOf(fact, findings);
      if (severity === "error") return { fact: fact.id, reason: title };
    }
  }
  return undefined;
}

/** The cause by which a candidate loses most. */
function mainCause({ causes }: Costed, best: Costed): string {
  const lost = (cause: Cause): number => causes[cause] - best.causes[cause];
  return CAUSES.reduce((most, cause) => (lost(cause) > lost(most) ? cause : most));
}
