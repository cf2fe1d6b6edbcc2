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
import type { HostWork } from "../../compiler/target/cost.ts";
import { hostWorkOf } from "../../compiler/target/cost_host.ts";
import {
  type ScheduleCost,
  type Scheduled,
  scheduleCost,
} from "../../compiler/target/cost_schedule.ts";
import { type Work, workOf } from "../../compiler/target/cost_work.ts";
import { runPasses } from "../pass.ts";
import { type PipelineName, pipelines } from "../pipeline.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { type AnePlan, callText, lowerCall, planAne } from "./compile.ts";
import type { Call } from "./cut.ts";
import type { Refusal } from "./fit.ts";
import type { Weights } from "./ports.ts";
import { scheduleOf } from "./schedule.ts";
import { MATMUL, WHOLE_BACKWARD } from "./schemes.ts";

export interface SearchOptions {
  readonly chip: ChipName;
  /** Whether the graph is to be differentiated. */
  readonly gradients: boolean;
  /** Only layouts with weights fed in this way. Default: all. */
  readonly weights?: Exclude<Weights, "baked">;
  /** `matmul`: only those with nothing but forward products on the engine. Default: all. */
  readonly ane?: "matmul";
  /** Micro-steps that share one update, and so the staging of weights. Default 10. */
  readonly microSteps?: number;
  /** Called after each candidate that was lowered and costed. */
  readonly onProgress?: (done: number, all: number) => void;
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
export function searchLayouts(graph: Graph, { chip, ...options }: SearchOptions): Search {
  return layoutSearch(graph, options)(chip);
}

/** The same for several chips: what does not depend on them is done once. */
export function layoutSearch(
  graph: Graph,
  options: Omit<SearchOptions, "chip">,
): (chip: ChipName) => Search {
  const { gradients, weights, ane, microSteps = 10, onProgress } = options;
  const prepare = preparation(graph, gradients);
  const narrowed = weights === undefined ? {} : { weights };
  return (chip) => {
    const all = candidatesFor(chip, { training: gradients, ...narrowed });
    const list = ane === "matmul" ? all.filter(({ scheme }) => scheme === MATMUL) : all;
    const costed = list.map((c, i) => {
      const cost = costOf(c, prepare(c), chip, microSteps);
      onProgress?.(i + 1, list.length);
      return cost;
    });
    return { chip, microSteps, ...choice(costed, chip) };
  };
}

function choice(list: readonly Costed[], chip: ChipName): Pick<Search, "chosen" | "candidates"> {
  const costed = [...list].sort((a, b) => a.ms - b.ms);
  const broken = new Map<Costed, Objection>();
  let chosen: Costed | undefined;
  for (const c of costed) {
    // Programs are only checked as long as nothing cheaper is found to be whole.
    const objection = groupingObjection(c) ?? (chosen === undefined ? refusal(c, chip) : undefined);
    if (objection !== undefined) broken.set(c, objection);
    else chosen ??= c;
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
  return { chosen: weighed[costed.indexOf(best)]!, candidates: weighed };
}

/** A program with its cost, lowered once for all candidates that have it. */
interface Lowered {
  readonly name: string;
  readonly mil: MilProgram;
  readonly work: Work;
}

/** A candidate as far as no chip has a say. */
interface Prepared {
  readonly plan: AnePlan;
  readonly calls: ReadonlyMap<Lowered, number>;
  readonly schedule: Scheduled;
  readonly hostWork: Partial<HostWork>;
}

function preparation(graph: Graph, gradients: boolean): (candidate: Candidate) => Prepared {
  const graphs = new Map<PipelineName, Graph>();
  const plans = new Map<string, AnePlan>();
  const planFor = ({ name, scheme, weights }: Candidate): AnePlan => {
    const pipeline = gradients ? (scheme.foldsNorms ? "ane_train" : "ane_hybrid") : "ane";
    const optimised = once(graphs, pipeline, () => runPasses(graph, pipelines[pipeline]).graph);
    return once(plans, `${name} ${weights}`, () => planAne(optimised, { scheme, weights }));
  };
  const programs = new Map<string, Lowered>();
  const prepare = (candidate: Candidate, splitText: string): Prepared => {
    const plan = planFor(candidate);
    const calls = new Map<Lowered, number>();
    const programOf = new Map<Call, string>();
    for (const connection of plan.connections) {
      const key = `${splitText} ${callText(connection)}`;
      const name = `p${programs.size}`;
      const known = once(programs, key, () => lowered(name, connection, candidate));
      programOf.set(connection.call, known.name);
      calls.set(known, (calls.get(known) ?? 0) + 1);
    }
    const { staging, schedule, hostNodes } = scheduleOf({ ...plan, programOf });
    const staged = staging.filter((s) => s.do === "host").length;
    const used = [...calls].map(([{ name }, times]) => ({ name, calls: times }));
    const hostWork = hostWorkOf(hostNodes.slice(staged));
    return { plan, calls, schedule: { staging, schedule, programs: used }, hostWork };
  };
  const known = new Map<string, Prepared>();
  return (candidate) => {
    const splitText = JSON.stringify(candidate.splitK ?? null);
    const key = `${candidate.name} ${candidate.weights} ${splitText}`;
    return once(known, key, () => prepare(candidate, splitText));
  };
}

function costOf(
  candidate: Candidate,
  { plan, calls, schedule, hostWork }: Prepared,
  chip: ChipName,
  microSteps: number,
): Costed {
  const programs = [...calls.keys()];
  const works = new Map(programs.map((p) => [p.name, p.work]));
  const found = scheduleCost(schedule, works, chip, hostWork);
  const causes = causesOf(found, microSteps);
  return {
    ...candidate,
    programs: [...new Set(plan.connections.map(({ call }) => call.name))],
    dispatches: found.dispatches,
    ms: CAUSES.reduce((sum, cause) => sum + causes[cause], 0),
    causes,
    refusals: plan.refusals,
    lowered: programs,
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

function groupingObjection({ scheme }: Costed): Objection | undefined {
  if (!scheme.programs.includes(WHOLE_BACKWARD)) return undefined;
  const reason = `\`${WHOLE_BACKWARD.name}\` has a softmax and its whole gradient in one program`;
  return { fact: "attention_cycle", reason };
}

/** The first fact that rules out one of the programs. */
function refusal({ lowered: list }: Costed, chip: ChipName): Objection | undefined {
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
