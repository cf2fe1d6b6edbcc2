/** Commands under `mpirun`, as processes of the compiled sources. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { mpiAddonPath } from "../../runtime-native/js/ranks.ts";

/** Why runs of several processes cannot be tried here; undefined if they can. */
export function missingMpi(): string | undefined {
  const { status } = spawnSync("mpirun", ["--version"]);
  if (status !== 0) return "mpirun is not installed";
  return existsSync(mpiAddonPath()) ? undefined : `there is no ${mpiAddonPath()}`;
}

const version = spawnSync("mpirun", ["--version"], { encoding: "utf8" }).stdout ?? "";
const OPEN_MPI = ["--allow-run-as-root", "--oversubscribe"];
/** How `mpirun` is called here. */
export const mpirun = ["mpirun", ...(version.includes("Open MPI") ? OPEN_MPI : [])];

export interface Ended {
  readonly code: number | null;
  /** Lines of standard output, read as JSON. */
  readonly events: readonly Event[];
  readonly err: string;
}

export interface Event {
  readonly event: string;
  readonly step: number;
  readonly loss: number;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Behind `mpirun`. */
  readonly flags?: readonly string[];
  /** Sees each event, and may do something to the run. */
  readonly watch?: (event: Event, run: RunningRanks) => void;
}

export interface RunningRanks {
  readonly child: ChildProcess;
  /** Sends a signal to one rank. */
  kill(rank: number, signal: NodeJS.Signals): void;
}

/** A file that is the command. */
export function commandFile(build: string, folder: string): string {
  const path = join(folder, "anec.mjs");
  const main = JSON.stringify(join(build, "cli", "main.js"));
  const script =
    `const { processIo, run } = await import(${main});\n` +
    "process.exitCode = await run(process.argv.slice(2), processIo());\n";
  writeFileSync(path, script);
  return path;
}

/**
 * `mpirun -n N command …argv`; with several lists, ranks with flags of their own. One rank alone is started
 * without `mpirun`.
 */
export function runRanks(
  command: string,
  groups: readonly (readonly [ranks: number, argv: readonly string[]])[],
  { cwd, env = {}, flags = [], watch }: StartOptions,
): Promise<Ended> {
  const line = ([, argv]: readonly [number, readonly string[]]): string[] => [
    ...[process.execPath, command, ...argv],
  ];
  const isAlone = groups.length === 1 && groups[0]![0] === 1;
  const [program, ...args] = isAlone
    ? line(groups[0]!)
    : [
        ...[...mpirun, ...flags],
        ...groups.flatMap((g, i) => [...(i > 0 ? [":"] : []), "-n", String(g[0]), ...line(g)]),
      ];
  const mark = `anec-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const child = spawn(program!, args, {
    cwd,
    env: { ...process.env, ...env, ANEC_TEST_MARK: mark },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running: RunningRanks = {
    child,
    kill: (rank, signal) => process.kill(processOf(rank, mark), signal),
  };
  const events: Event[] = [];
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  createInterface({ input: child.stdout }).on("line", (text) => {
    if (!text.startsWith("{")) return;
    const event = JSON.parse(text) as Event;
    events.push(event);
    watch?.(event, running);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, events, err }));
  });
}

/** The process of a rank, by what it was given. */
function processOf(rank: number, mark: string): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const variables = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
      const isRank = variables.includes(`OMPI_COMM_WORLD_RANK=${rank}`);
      if (isRank && variables.includes(`ANEC_TEST_MARK=${mark}`)) return Number(name);
    } catch {
      // It is gone, or another user's.
    }
  }
  throw new Error(`rank ${rank} is not there`);
}
