/**
 * Predicts one run of a bundle's schedule: its dispatches and what the host does between them.
 *
 * A value that one program writes and another reads stays where it is if both see it in one shape;
 * else it is copied. Whatever the host makes is written to a surface once, whatever it needs is
 * read. Parameters are written when they change, once an update, and stand apart from the run.
 */
import type { Manifest, Port } from "../bundle/manifest.ts";
import { bug } from "../support/bug.ts";
import type { ChipName } from "./chip_names.ts";
import { addCosts, constantsOf, hostCost, type ProgramCost, programCost } from "./cost.ts";
import { surfaceBytes, type Work } from "./cost_work.ts";

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
const HALF = 2;

interface Traffic {
  readonly written: number;
  readonly read: number;
  readonly copied: number;
  readonly staged: number;
  readonly hostBytes: number;
}

const bytesOfPort = (port: Port): number => surfaceBytes(port.shape, HALF);
const shapeKey = (port: Port): string => port.shape.join("x");

/** fp16 bytes that move for one run of the schedule, and for one update. */
export function scheduleTraffic(manifest: Manifest): Traffic {
  const programs = new Map(manifest.programs.map((p) => [p.name, p]));
  /** Values by name, with the shapes in which they already are on a surface. */
  const made = new Map<string, Set<string>>();
  const sizes = new Map<string, number>();
  const onSurface = new Set<string>();
  const traffic = { written: 0, read: 0, copied: 0, staged: 0, hostBytes: 0 };
  const wanted: string[] = [];
  const pending: (readonly string[])[] = [];
  for (const step of manifest.schedule) {
    if (step.do === "host") {
      wanted.push(...step.reads);
      // Tables of parameters are read in part: what comes out says how much.
      pending.push([...step.reads.filter((name) => !name.startsWith("@")), step.writes]);
      continue;
    }
    const program = programs.get(step.program) ?? bug(`no program ${step.program} in the bundle`);
    for (const port of program.inputs) {
      const value =
        step.inputs[port.name] ?? bug(`port ${port.name} of ${program.name} is unbound`);
      const shapes = made.get(value) ?? new Set<string>();
      sizes.set(value, bytesOfPort(port));
      if (shapes.has(shapeKey(port))) continue;
      if (value.startsWith("@")) traffic.staged += bytesOfPort(port);
      else if (onSurface.has(value)) traffic.copied += bytesOfPort(port);
      else traffic.written += bytesOfPort(port);
      made.set(value, shapes.add(shapeKey(port)));
    }
    for (const port of program.outputs) {
      const value = step.outputs[port.name];
      if (value === undefined) continue;
      sizes.set(value, bytesOfPort(port));
      onSurface.add(value);
      made.set(value, new Set([shapeKey(port)]));
    }
  }
  for (const value of new Set([...wanted, ...Object.values(manifest.outputs)])) {
    if (onSurface.has(value)) traffic.read += sizes.get(value)!;
  }
  for (const names of pending) {
    for (const name of names) traffic.hostBytes += FLOAT_OVER_HALF * (sizes.get(name) ?? 0);
  }
  return traffic;
}

/** Predicts one run of a schedule for the engine. `works` holds one run of each program by name. */
export function scheduleCost(
  manifest: Manifest,
  works: ReadonlyMap<string, Work>,
  chip: ChipName,
): ScheduleCost {
  const constants = constantsOf(chip);
  const programs = manifest.programs.map(({ name, calls }): ProgramShare => {
    const one = programCost(works.get(name) ?? bug(`no work for program ${name}`), constants);
    return { name, calls, cost: addCosts(Array.from({ length: calls }, () => one)) };
  });
  const engine = addCosts(programs.map((p) => p.cost));
  const traffic = scheduleTraffic(manifest);
  const host = (work: Parameters<typeof hostCost>[0]): number => hostCost(work, constants).total;
  const writes = host({ copiedBytes: traffic.written });
  const reads = host({ copiedBytes: traffic.read });
  const copies = host({ movedBytes: traffic.copied });
  const hostOps = host({ streamedBytes: traffic.hostBytes });
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
