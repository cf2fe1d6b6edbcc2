/**
 * A run of the schedule as the cost model sees it, step after step, on every chip.
 *
 * The steps of a chip add up to what `anec cost` says.
 */
import type { Manifest, ScheduleStep } from "../../compiler/bundle/manifest.ts";
import { placeBytes } from "../../compiler/bundle/traffic.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { bug } from "../../compiler/support/bug.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import {
  constantsOf,
  type HostWork,
  hostCost,
  type ProgramCost,
  programCost,
} from "../../compiler/target/cost.ts";
import { BORROWED } from "../../compiler/target/cost_constants.ts";
import { hostWorkOf } from "../../compiler/target/cost_host.ts";
import { hostBytesByStep } from "../../compiler/target/cost_schedule.ts";
import { type Work, workOf } from "../../compiler/target/cost_work.ts";
import type { Timeline, TimelineStep } from "./data.ts";

export interface TimelineSource {
  readonly manifest: Manifest;
  /** By the file of the manifest. */
  readonly texts: ReadonlyMap<string, string>;
  /** Nodes of the host's steps, those of staging first; without them their work is guessed. */
  readonly hostNodes?: readonly Node[];
}

/** Predicts every step on every chip. */
export function timelineOf({ manifest, texts, hostNodes }: TimelineSource): Timeline {
  const works = new Map<string, Work>();
  for (const { name, file } of manifest.programs)
    works.set(name, workOf(parseMil({ path: file, text: texts.get(file) ?? bug(file) })));
  const work = hostWorkByStep(manifest, hostNodes);
  const { schedule } = manifest;
  return {
    steps: schedule.map(stepOf),
    chips: CHIP_NAMES.map((chip) => {
      const constants = constantsOf(chip);
      const programs = Object.fromEntries(
        [...works].map(([name, w]) => [name, programCost(w, constants)] as const),
      );
      const ms = schedule.map((step, i) =>
        step.do === "dispatch"
          ? (programs[step.program] ?? bug(`no program ${step.program}`)).total
          : hostCost(work[i]!, constants).total,
      );
      const borrowed = BORROWED[chip];
      return {
        ...{ chip, ms: ms.map(short) },
        programs: Object.fromEntries(
          Object.entries(programs).map(([name, cost]) => [name, shortCost(cost)]),
        ),
        ...(borrowed === undefined ? {} : { borrowed }),
      };
    }),
  };
}

const short = (n: number): number => Number(n.toPrecision(4));

function shortCost(cost: ProgramCost): Record<string, number> {
  return Object.fromEntries(Object.entries(cost).map(([cause, ms]) => [cause, short(ms)]));
}

function hostWorkByStep(
  { schedule, staging }: Manifest,
  hostNodes: readonly Node[] | undefined,
): readonly Partial<HostWork>[] {
  const guessed = hostNodes === undefined ? hostBytesByStep(schedule) : [];
  let next = staging.filter((s) => s.do === "host").length;
  return schedule.map((step, i) => {
    switch (step.do) {
      case "host":
        return hostNodes === undefined
          ? { streamedBytes: guessed[i]! }
          : hostWorkOf([hostNodes[next++] ?? bug("a step of the host has no node")]);
      case "write":
      case "read":
        return { copiedBytes: placeBytes(step.place) };
      case "copy":
        return { movedBytes: placeBytes(step.place) };
      case "dispatch":
        return {};
      default:
        return step satisfies never;
    }
  });
}

function stepOf(step: ScheduleStep): TimelineStep {
  switch (step.do) {
    case "host":
      return { lane: "host", label: `${step.op} → ${step.writes}` };
    case "write":
      return { lane: "copies", label: `write ${step.value} → ${step.surface}` };
    case "read":
      return { lane: "copies", label: `read ${step.surface} → ${step.value}` };
    case "copy":
      return { lane: "copies", label: `copy ${step.value}: ${step.from} → ${step.surface}` };
    case "dispatch":
      return { lane: "engine", label: `${step.program} ${step.label}`, program: step.program };
    default:
      return step satisfies never;
  }
}
