/**
 * Commands that `mpirun` starts several times over.
 *
 *     mpirun -n 4 anec train --model tiny      four processes, one run: rank 0 is the one that speaks
 *
 * Whether there are others is read from the variables that `mpirun` sets. Without them nothing of this is loaded.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import type { Command } from "commander";
import {
  otherNumberOfRanks,
  rankCouldNotStart,
  rankLost,
  ranksDiffer,
} from "../compiler/messages/ranks.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { NativeError } from "../runtime-native/js/index.ts";
import { openWorld, type World } from "../runtime-native/js/ranks.ts";
import { firstDifference, type Identity } from "../training/rank_identity.ts";
import { lostRank, type Ranks, ranksOf } from "../training/ranks.ts";
import { exitCodeOf, reportFailure, userErrorBehind } from "./failures.ts";
import { whole } from "./flags.ts";
import type { Io, Sink } from "./io.ts";

export interface RanksFlag {
  readonly ranks?: number;
}

export function ranksFlag(c: Command): void {
  c.option(
    "--ranks <n>",
    "refuse to start unless `mpirun -n <n>` did (default: as many as it started)",
    whole("--ranks", 1, 1_000_000),
  );
}

/** What `mpirun` says to a process. */
export interface Started {
  readonly rank: number;
  readonly size: number;
}

/** Names of the variables of Open MPI, and of MPICH and its relatives. */
const VARIABLES = [
  ["OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"],
  ["PMI_SIZE", "PMI_RANK"],
] as const;

/** Undefined for a process alone, also if `mpirun` started it. */
export function startedBy(env: NodeJS.ProcessEnv): Started | undefined {
  for (const [sizeName, rankName] of VARIABLES) {
    const [size = 0, rank = 0] = [sizeName, rankName].map((name) => Number(env[name] ?? 0));
    if (size > 1) return { size, rank };
  }
  return undefined;
}

/** What a command has of the other processes. */
export interface CommandRanks {
  readonly ranks: Ranks;
  readonly world: World;
  /** Processors for each rank of this machine. */
  readonly processors: number;
  /**
   * All ranks are ready. Throws a `UserError`: E0980 if they are not to do the same, E0982 if one could not
   * start. What fails on one rank before is told to the others here.
   */
  meet(identity: Identity): void;
}

interface Meeting {
  readonly identity?: Identity;
  readonly fault?: string;
}

/**
 * Carries out a command as one of its ranks, or alone. Ranks other than 0 print nothing, but for what befalls
 * them alone. Throws a `UserError`: E0650, E0651, E0981.
 */
export async function underRanks(
  io: Io,
  { ranks: wanted }: RanksFlag,
  work: (io: Io, ranks: CommandRanks | undefined) => Promise<number>,
): Promise<number> {
  const started = startedBy(process.env);
  const size = started?.size ?? 1;
  if (started === undefined) {
    if (wanted !== undefined && wanted !== size)
      throw new UserError(otherNumberOfRanks(wanted, size));
    return work(io, undefined);
  }
  const isQuiet = started.rank > 0;
  neverWaitFor(process.stdout);
  try {
    if (wanted !== undefined && wanted !== size)
      throw new UserError(otherNumberOfRanks(wanted, size));
    const world = join(started);
    return await asRank(isQuiet ? quietly(io) : io, io, world, work);
  } catch (error) {
    // What every process finds is said by one.
    const known = userErrorBehind(error);
    if (!isQuiet || known === undefined) throw error;
    return afterRank0(exitCodeOf(known.diagnostics));
  }
}

/** `mpirun` ends all processes when the first one fails, so the one that speaks has to be the first. */
async function afterRank0(code: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return code;
}

/**
 * After Ctrl-C `mpirun` reads nothing more of what its processes print, and Node waits for whoever reads a pipe: a
 * rank that prints would never come to save.
 */
function neverWaitFor(stream: NodeJS.WriteStream): void {
  const { _handle: pipe } = stream as { _handle?: { setBlocking?(blocks: boolean): void } };
  pipe?.setBlocking?.(false);
}

function join({ size }: Started): World {
  const world = openWorld();
  if (world.size === size) return world;
  throw new NativeError({
    code: "E0651",
    message: `mpirun started ${size} processes, and MPI knows of ${world.size}`,
    detail: `the addon was built for ${world.library}`,
  });
}

async function asRank(
  shown: Io,
  io: Io,
  world: World,
  work: (io: Io, ranks: CommandRanks) => Promise<number>,
): Promise<number> {
  let phase: Phase = "apart";
  const ranks = ranksOf(world);
  const meet = (own: Meeting): void => {
    phase = "meeting";
    const all = ranks.texts(JSON.stringify(own)).map((text) => JSON.parse(text) as Meeting);
    const failed = all.findIndex(({ fault }) => fault !== undefined);
    if (failed >= 0) throw new UserError(rankCouldNotStart(failed, all[failed]!.fault!));
    const found = firstDifference(all.map(({ identity = {} }) => identity));
    if (found !== undefined) throw new UserError(ranksDiffer(found.rank, found.differences));
    phase = "together";
  };
  try {
    const processors = processorsOf(ranks);
    const code = await work(shown, {
      ...{ ranks, world, processors },
      meet: (identity) => meet({ identity }),
    });
    world.close();
    return code;
  } catch (error) {
    const tell = (fault: string): void => meet({ fault });
    return failed(error, { io, ranks, world, phase, tell });
  }
}

/** Whether ranks have still to meet, do so, or have. */
type Phase = "apart" | "meeting" | "together";

interface Failing {
  readonly io: Io;
  readonly ranks: Ranks;
  readonly world: World;
  readonly phase: Phase;
  /** Tells the other ranks, who are still to meet, and fails then. */
  readonly tell: (fault: string) => void;
}

/** What went wrong is the error of this rank, or only the exit code if another one says it. */
async function failed(error: unknown, failing: Failing): Promise<number> {
  const { io, ranks, world, phase, tell } = failing;
  const known = userErrorBehind(error);
  const lost = lostRank(error);
  if (lost !== undefined) ranks.lose(lost);
  const isLost = known?.diagnostics.some(({ code }) => code === rankLost.code || code === "E0652");
  if (phase === "apart" && isLost !== true) {
    try {
      tell(known?.message ?? String(error));
    } catch {
      // That a rank could not start is known here.
    }
  }
  // All fail alike until they have met. After that, the others notice that this one is gone.
  if (phase !== "together" && isLost !== true) world.close();
  const speaks = isLost === true ? ranks.saves : ranks.rank === 0;
  if (speaks || known === undefined) {
    if (ranks.rank === 0) throw error;
    io.err.write(`rank ${ranks.rank}: `);
    return reportFailure(error, io, []);
  }
  const code = exitCodeOf(known.diagnostics);
  return isLost === true ? code : afterRank0(code);
}

/** Processors of this process, shared with the ranks that may run on the same ones. */
function processorsOf(ranks: Ranks): number {
  const own = `${hostname()} ${allowedProcessors()}`;
  const sharing = ranks.texts(own).filter((other) => other === own).length;
  return Math.max(1, Math.floor(availableParallelism() / sharing));
}

/** The processors that this process may run on, where the system says so. */
function allowedProcessors(): string {
  try {
    return (
      /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
    );
  } catch {
    return "";
  }
}

/** The same outside, with nobody listening. */
function quietly(io: Io): Io {
  const nobody = (sink: Sink): Sink => ({
    ...sink,
    isTerminal: false,
    columns: 100,
    write: () => {},
  });
  const { relay: _, ...rest } = io;
  return { ...rest, out: nobody(io.out), err: nobody(io.err) };
}
