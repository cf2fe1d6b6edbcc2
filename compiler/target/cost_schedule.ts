/**
 * Predicts one run of a bundle's schedule: its dispatches and what the host does between them.
 *
 * The schedule says what is written, read and copied. Parameters are written when they change, once an
 * update, and stand apart from the run.
 */
import type { Manifest, ManifestProgram } from "../bundle/manifest.ts";
import { placeBytes, trafficOf } from "../bundle/traffic.ts";
import { bug } from "../support/bug.ts";
import type { ChipName } from "./chip_names.ts";
import {
  addCosts,
  constantsOf,
  type HostWork,
  hostCost,
  type ProgramCost,
  programCost,
} from "./cost.ts";
import type { Work } from "./cost_work.ts";

/** One program's share of a run. */
export interface ProgramShare {
  readonly name: string;
  readonly calls: number;
  /** Of all its calls. */
  readonly cost: ProgramCost;
}

/** Milliseconds of one run of a schedule, by cause. */
export interface ScheduleCost {
  readonly chip: ChipName;
  readonly dispatches: number;
  /** All dispatches. */
  readonly engine: ProgramCost;
  readonly programs: readonly ProgramShare[];
  /** What the host writes to surfaces and reads from them. */
  readonly writes: number;
  readonly reads: number;
  /** From surface to surface, where two programs see a value in different shapes. */
  readonly copies: number;
  /** Ops that the host computes. */
  readonly hostOps: number;
  /** Everything above. */
  readonly total: number;
  /** Writing all parameters, once an update. Not part of `total`. */
  readonly staging: number;
}

const FLOAT_OVER_HALF = 2;

interface Traffic {
  readonly written: number;
  readonly read: number;
  readonly copied: number;
  readonly staged: number;
  readonly hostBytes: number;
}

/** fp16 bytes that move for one run of the schedule, and for one update. */
export function scheduleTraffic({
  staging,
  schedule,
}: Pick<Manifest, "staging" | "schedule">): Traffic {
  const moved = trafficOf(schedule);
  return {
    written: moved.bytesWritten,
    read: moved.bytesRead,
    copied: moved.bytesCopied,
    staged: trafficOf(staging).bytesWritten,
    hostBytes: hostBytes(schedule),
  };
}

/** fp32 bytes of what ops of the host read and write, as far as it passes through surfaces. */
function hostBytes(schedule: Manifest["schedule"]): number {
  return hostBytesByStep(schedule).reduce((a, b) => a + b, 0);
}

/** The same for each step; 0 for steps that are no op of the host. */
export function hostBytesByStep(schedule: Manifest["schedule"]): readonly number[] {
  const sizes = new Map<string, number>();
  for (const step of schedule)
    if (step.do === "write" || step.do === "read") sizes.set(step.value, placeBytes(step.place));
  return schedule.map((step) => {
    if (step.do !== "host") return 0;
    // Tables of parameters are read in part: what comes out says how much.
    const names = [...step.reads.filter((n) => !n.startsWith("@")), step.writes];
    return names.reduce((n, name) => n + FLOAT_OVER_HALF * (sizes.get(name) ?? 0), 0);
  });
}

/** What of a manifest is needed to predict it. */
export type Scheduled = Pick<Manifest, "staging" | "schedule"> & {
  readonly programs: readonly Pick<ManifestProgram, "name" | "calls">[];
};

/**
 * Predicts one run of a schedule for the engine. `works` holds one run of each program by name;
 * `hostWork` what the host computes (`hostWorkOf`), without which it is guessed from what passes through
 * surfaces.
 */
export function scheduleCost(
  manifest: Scheduled,
  works: ReadonlyMap<string, Work>,
  chip: ChipName,
  hostWork?: Partial<HostWork>,
): ScheduleCost {
  const constants = constantsOf(chip);
  const programs = manifest.programs.map(({ name, calls }): ProgramShare => {
    const one = programCost(works.get(name) ?? bug(`no work for program ${name}`), constants);
    return { name, calls, cost: addCosts(Array.from({ length: calls }, () => one)) };
  });
  const engine = addCosts(programs.map((p) => p.cost));
  const traffic = scheduleTraffic(manifest);
  const host = (work: Partial<HostWork>): number => hostCost(work, constants).total;
  const writes = host({ copiedBytes: traffic.written });
  const reads = host({ copiedBytes: traffic.read });
  const copies = host({ movedBytes: traffic.copied });
  const hostOps = host(hostWork ?? { streamedBytes: traffic.hostBytes });
  return {
    chip,
    dispatches: programs.reduce((n, p) => n + p.calls, 0),
    engine,
    programs,
    writes,
    reads,
    copies,
    hostOps,
    total: engine.total + writes + reads + copies + hostOps,
    staging: host({ copiedBytes: traffic.staged }),
  };
}
