/** Training by several processes: the run of one, whoever is killed. */
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { addonPath } from "../../runtime-native/js/addon_file.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { readRecords } from "../../training/search/ledger.ts";
import { commandFile, type Ended, missingMpi, runRanks } from "../e2e/mpi_support.ts";
import { compileForProcesses } from "../e2e/processes.ts";
import { testFolder } from "../unit/data/support.ts";

const missing = missingMpi();
if (missing !== undefined) console.warn(`runs of several processes are not tried: ${missing}`);
const withMpi = test.skipIf(missing !== undefined);

let build = "";
beforeAll(() => {
  build = compileForProcesses();
}, 300_000);

/** What losses may differ by. */
const CLOSE = 1e-5;

const TRAIN = [
  ...["train", "--json", "--threads", "1", "--blas", "builtin"],
  ...["--schedule", "constant", "--warmup", "2", "--lr", "0.003"],
];
const MODEL = [
  ...["--model", "tiny", "--data", "builtin:stories"],
  ...[
    "-D",
    "S=16",
    "-D",
    "D=32",
    "-D",
    "H=2",
    "-D",
    "K=1",
    "-D",
    "E=16",
    "-D",
    "F=48",
    "-D",
    "L=2",
  ],
];

type Curve = ReadonlyMap<string, number>;

/** Losses by what they are of. */
function curveOf({ events }: Pick<Ended, "events">): Curve {
  return new Map(
    events
      .filter(({ event }) => event === "step" || event === "validation")
      .map(({ event, step, loss }) => [`${event} ${step}`, loss]),
  );
}

/** The largest difference of two curves that are of the same things. */
function difference(found: Curve, expected: Curve): number {
  const names = [...found.keys()];
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !expected.has(name))).toEqual([]);
  return Math.max(...names.map((name) => Math.abs(found.get(name)! - expected.get(name)!)));
}

/** Ranks, --accum of each, and other flags; the last groups of 50 steps are not full. */
const shapes: readonly (readonly [ranks: number, accum: number, flags: readonly string[]])[] = [
  [2, 6, []],
  [4, 3, []],
  [3, 4, ["--batch", "2", "--val-every", "7"]],
];

withMpi.each(shapes)(
  "%i ranks with --accum %i %j have the losses of one with 12",
  async (ranks, accum, flags) => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    const run = (n: number, own: number, out: string) =>
      runRanks(
        command,
        [[n, [...TRAIN, ...MODEL, "--steps", "50", ...flags, "--accum", `${own}`, "--out", out]]],
        { cwd },
      );
    const [one, several] = [await run(1, 12, "one.ckpt"), await run(ranks, accum, "several.ckpt")];
    expect(several.err).toBe("");
    expect([one.code, several.code]).toEqual([0, 0]);
    const [expected, found] = [curveOf(one), curveOf(several)];
    expect([...found.keys()]).toEqual([...expected.keys()]);
    expect(difference(found, expected)).toBeLessThan(CLOSE);
    // The checkpoint is that of one process too, but for the last digits.
    const [a, b] = ["one.ckpt", "several.ckpt"].map((name) => readCheckpoint(join(cwd, name)));
    expect(b!.settings).toEqual({ ...a!.settings, batch: b!.settings.batch });
    expect(b!.state.random).toEqual(a!.state.random);
  },
  240_000,
);

withMpi.each([
  [2, 1, 2],
  [3, 0, 3],
])(
  "of %i ranks, rank %i is killed: a checkpoint of the last step, from which %i go on",
  async (ranks, victim, afterwards) => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    let isKilled = false;
    const killed = await runRanks(
      command,
      [
        [
          ranks,
          [...TRAIN, ...MODEL, "--steps", "100000", "--accum", `${12 / ranks}`, "--out", "k.ckpt"],
        ],
      ],
      {
        cwd,
        watch: ({ event, step }, run) => {
          if (event !== "step" || step < 29 || isKilled) return;
          isKilled = true;
          run.kill(victim, "SIGKILL");
        },
      },
    );
    expect(killed.code).not.toBe(0);
    expect(killed.err).toContain("E0653");
    expect(killed.err).toContain(`rank ${victim} of ${ranks} was lost`);
    const { state } = readCheckpoint(join(cwd, "k.ckpt"));
    expect(state.step).toBeGreaterThanOrEqual(29);

    const steps = String(state.step + 30);
    const resumed = await runRanks(
      command,
      [[afterwards, [...TRAIN.slice(0, 6), "--resume", "k.ckpt", "--steps", steps]]],
      { cwd },
    );
    expect([resumed.code, resumed.err]).toEqual([0, ""]);
    const whole = await runRanks(
      command,
      [[1, [...TRAIN, ...MODEL, "--steps", steps, "--accum", "12", "--out", "whole.ckpt"]]],
      { cwd },
    );
    const expected = curveOf(whole);
    expect(difference(curveOf(resumed), expected)).toBeLessThan(CLOSE);
    expect(difference(stepsOf(killed), expected)).toBeLessThan(CLOSE);
  },
  240_000,
);

/** Without the validation of a last step that is not the last one of the whole run. */
function stepsOf({ events }: Ended): Curve {
  return curveOf({ events: events.filter(({ event }) => event === "step") });
}

withMpi(
  "Ctrl-C: what was done is saved inside of a group, and goes on",
  async () => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    let isStopped = false;
    await runRanks(
      command,
      [[2, [...TRAIN, ...MODEL, "--steps", "100000", "--accum", "6", "--out", "s.ckpt"]]],
      {
        cwd,
        // The signal comes after so many seconds, and the end after as many again.
        flags: ["--mca", "odls_base_sigkill_timeout", "6"],
        watch: ({ event, step }, { child }) => {
          if (event !== "step" || step < 20 || isStopped) return;
          isStopped = true;
          child.kill("SIGINT");
        },
      },
    );
    const { state } = readCheckpoint(join(cwd, "s.ckpt"));
    const steps = String(state.step + 17);
    const resume = [...TRAIN.slice(0, 6), "--resume", "s.ckpt", "--steps", steps];
    const resumed = await runRanks(command, [[2, resume]], { cwd });
    const whole = await runRanks(
      command,
      // As many ranks: after thousands of steps the bits of another number have grown apart.
      [[2, [...TRAIN, ...MODEL, "--steps", steps, "--accum", "6", "--out", "whole.ckpt"]]],
      { cwd },
    );
    expect([resumed.code, resumed.err]).toEqual([0, ""]);
    expect(difference(curveOf(resumed), curveOf(whole))).toBeLessThan(CLOSE);
  },
  240_000,
);

withMpi(
  "ranks that are not to do the same do nothing",
  async () => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    const flags = [...TRAIN, ...MODEL, "--steps", "12", "--out", "x.ckpt"];
    const { code, err } = await runRanks(
      command,
      [
        [1, flags],
        [1, [...flags, "--seed", "7"]],
      ],
      { cwd },
    );
    expect(code).toBe(1);
    expect(err).toContain("rank 1 has another seed, state and weights than rank 0");
    expect(existsSync(join(cwd, "x.ckpt"))).toBe(false);

    const missing = await runRanks(
      command,
      [
        [1, flags],
        [1, [...flags, "--model", "missing.ane"]],
      ],
      { cwd },
    );
    expect(missing.err).toContain("rank 1 could not start");
    expect(missing.err).toContain("missing.ane");
  },
  240_000,
);

withMpi(
  "without its addon, or alone, a command says what to do",
  async () => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    const flags = [...TRAIN, ...MODEL, "--steps", "2", "--out", "x.ckpt"];
    copyFileSync(addonPath(), join(cwd, "anec.node"));
    const env = { ANEC_NATIVE: join(cwd, "anec.node") };
    const without = await runRanks(command, [[2, flags]], { cwd, env });
    expect(without.err).toContain("the addon for MPI is not built");
    expect(without.code).toBe(3);

    const alone = await runRanks(command, [[1, [...flags, "--ranks", "2"]]], { cwd });
    expect(alone.err).toContain("`--ranks 2` needs 2 processes, and this is one alone");
    expect(alone.code).toBe(2);
    // As a program for another MPI finds itself.
    const other = await runRanks(command, [[1, flags]], { cwd, env: { PMI_SIZE: "2" } });
    expect(other.err).toContain("mpirun started 2 processes, and MPI knows of 1");
    expect(other.code).toBe(3);
    const engine = [...flags, "--device", "emulator"];
    const refused = await runRanks(command, [[2, engine]], { cwd });
    expect(refused.err).toContain("`--device emulator` does not go with `mpirun`");
    expect(refused.code).toBe(2);
  },
  240_000,
);

withMpi(
  "a search gives its runs to all ranks, and finds what one process finds",
  async () => {
    const cwd = testFolder();
    const command = commandFile(build, cwd);
    const flags = (out: string): string[] => [
      ...["search", "--json", ...MODEL, "--steps", "4", "--threads", "1", "--blas", "builtin"],
      ...["--space", "lr=1e-4..1e-1:log", "--space", "H=2,4", "--experiments", "2"],
      ...["--seeds", "2", "--confidence", "0.75", "--out", out],
    ];
    const one = await runRanks(command, [[1, flags("one")]], { cwd });
    const several = await runRanks(command, [[3, flags("several")]], { cwd });
    expect([one.code, several.code, several.err]).toEqual([0, 0, ""]);
    const found = ["one", "several"].map((folder) =>
      readRecords(join(cwd, folder)).map(({ config, status, losses }) => ({
        config,
        status,
        losses,
      })),
    );
    expect(found[1]).toEqual(found[0]);
    expect(found[0]).toHaveLength(3);
  },
  240_000,
);
