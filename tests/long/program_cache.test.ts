/**
 * The programs that are kept on disk, under everything that may happen to a disk: each process here trains on
 * the emulated engine, and ends with the losses of one that keeps nothing. Which entry goes first when there are
 * too many bytes is shown in `tests/native/ane/cache_tests.cpp`, `anec cache` in `cli_cache.test.ts`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { cachedPrograms } from "../../cli/program_cache.ts";
import { createRandom } from "../../training/random.ts";
import { testFolder } from "../unit/data/support.ts";

const child = fileURLToPath(new URL("../e2e/program_cache_child.mjs", import.meta.url));

interface Outcome {
  readonly losses: readonly number[];
  readonly counts: {
    readonly compiles: number;
    readonly fromCache: number;
    readonly rebuilt: number;
  };
}

interface How {
  /** A command that a shell with mounts of its own runs before; the folder is its `$2`. */
  readonly under?: string;
  readonly uid?: number;
}

/** Modes bind nobody who is root: another user does the work then. */
const asNobody: How = process.getuid?.() === 0 ? { uid: 65_534 } : {};

function start(args: readonly string[], { under, uid }: How = {}): ChildProcess {
  const env = { ...process.env, ANEC_EMULATOR: "numerics=fast" };
  const own = uid === undefined ? {} : { uid, gid: uid };
  if (under === undefined) return spawn(process.execPath, [child, ...args], { env, ...own });
  const shell = ["-rm", "/bin/sh", "-c", `${under} && exec "$0" "$@"`];
  return spawn("unshare", [...shell, process.execPath, child, ...args], { env });
}

async function outcomeOf(process: ChildProcess): Promise<Outcome> {
  let [out, err] = ["", ""];
  process.stdout!.on("data", (text: Buffer) => (out += text.toString()));
  process.stderr!.on("data", (text: Buffer) => (err += text.toString()));
  const code = await new Promise((resolve) => process.on("close", resolve));
  if (code !== 0) throw new Error(`the process ended with ${String(code)}\n${err}`);
  return JSON.parse(out) as Outcome;
}

const train = (folder: string): Promise<Outcome> => outcomeOf(start([folder]));

/** Programs of the model. */
const PROGRAMS = 3;
let expected: readonly number[];
beforeAll(async () => {
  const { losses, counts } = await train("");
  expect(counts).toMatchObject({ compiles: PROGRAMS, fromCache: 0 });
  expected = losses;
});

const damaged = (folder: string): readonly (string | undefined)[] =>
  cachedPrograms(folder, true).flatMap((p) => (p.damage === undefined ? [] : [p.damage]));

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

test("compiled once, loaded ever after, in folders that are the user's alone", async () => {
  const folder = join(testFolder(), "anec", "programs");
  const [first, second] = [await train(folder), await train(folder)];
  expect(first).toMatchObject({ losses: expected, counts: { compiles: PROGRAMS, fromCache: 0 } });
  expect(second).toMatchObject({ losses: expected, counts: { compiles: 0, fromCache: PROGRAMS } });
  expect(cachedPrograms(folder, true)).toHaveLength(PROGRAMS);
  const below = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const path of [folder, ...below.map((name) => join(folder, name))]) {
    const found = statSync(path);
    expect([path, found.mode & 0o777]).toEqual([path, found.isDirectory() ? 0o700 : 0o600]);
  }
});

test("flipped bytes: each entry is compiled again, and is whole then", async () => {
  const folder = join(testFolder(), "programs");
  await train(folder);
  const random = createRandom(3);
  for (const file of filesBelow(folder).filter((path) => !path.includes(".locks"))) {
    const whole = readFileSync(file);
    const flipped = Buffer.from(whole);
    const at = random.uniformIndex(whole.length);
    flipped[at] = flipped[at]! ^ (1 << random.uniformIndex(8));
    writeFileSync(file, flipped);
  }
  expect(damaged(folder)).toHaveLength(PROGRAMS);
  const mended = await train(folder);
  expect(mended).toMatchObject({
    losses: expected,
    counts: { compiles: PROGRAMS, fromCache: 0, rebuilt: PROGRAMS },
  });
  expect(damaged(folder)).toEqual([]);
  expect((await train(folder)).counts).toMatchObject({
    compiles: 0,
    fromCache: PROGRAMS,
    rebuilt: 0,
  });
});

const KILLS = Number(process.env["KILLS"] ?? 6);

const killed =
  "killed while it writes, at random moments: nothing that is half an entry is ever found";

test(killed, { timeout: 60_000 + 2_000 * KILLS }, async () => {
  const folder = join(testFolder(), "programs");
  const random = createRandom(5);
  let kept = 0;
  for (let i = 0; i < KILLS; i++) {
    const writer = start([folder, "forever"]);
    onTestFinished(() => void writer.kill("SIGKILL"));
    await new Promise((resolve) => writer.stdout!.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, random.uniformIndex(300)));
    writer.kill("SIGKILL");
    await new Promise((resolve) => writer.on("close", resolve));
    expect(damaged(folder)).toEqual([]);
    kept = cachedPrograms(folder, false).length;
  }
  expect(kept).toBeGreaterThan(0);
  expect(await train(folder)).toMatchObject({ losses: expected, counts: { compiles: PROGRAMS } });
  expect((await train(folder)).counts).toMatchObject({ compiles: 0, fromCache: PROGRAMS });
});

test("eight processes at once compile each program once", async () => {
  const folder = join(testFolder(), "programs");
  const all = await Promise.all(Array.from({ length: 8 }, () => train(folder)));
  for (const { losses } of all) expect(losses).toEqual(expected);
  const sum = (pick: (o: Outcome) => number): number => all.reduce((n, o) => n + pick(o), 0);
  expect(sum((o) => o.counts.compiles)).toBe(PROGRAMS);
  expect(sum((o) => o.counts.fromCache)).toBe(7 * PROGRAMS);
  expect(sum((o) => o.counts.rebuilt)).toBe(0);
  expect(cachedPrograms(folder, true)).toHaveLength(PROGRAMS);
  expect(damaged(folder)).toEqual([]);
});

/** Whether this system lets a process have mounts of its own. */
const mounts = spawnSync("unshare", ["-rm", "true"]).status === 0;

interface BadDisk {
  readonly what: string;
  /** Makes the folder, or what stands in its place. */
  readonly prepare: (folder: string) => void;
  /** How a file system is mounted there, for the process alone. */
  readonly mount?: string;
}

const BAD_DISKS: readonly BadDisk[] = [
  {
    what: "a part of the path is a file",
    prepare: (folder) => writeFileSync(folder, "a file"),
  },
  {
    what: "the folder may only be read",
    prepare: (folder) => {
      mkdirSync(folder);
      chmodSync(folder, 0o555);
      chmodSync(dirname(folder), 0o755);
    },
  },
  ...(mounts
    ? [
        { what: "a full disk", prepare: mkdirSync, mount: "-o size=8k,mode=755" },
        { what: "a disk that may only be read", prepare: mkdirSync, mount: "-o ro" },
      ]
    : []),
];

test.each(BAD_DISKS)("$what: it costs a compile, and nothing else", async ({ prepare, mount }) => {
  const folder = join(testFolder(), "programs");
  prepare(folder);
  const run = async (): Promise<Outcome> => {
    if (mount === undefined) return outcomeOf(start([folder], asNobody));
    return outcomeOf(start([folder], { under: `mount -t tmpfs ${mount} tmpfs "$2"` }));
  };
  for (let i = 0; i < 2; i++) {
    expect(await run()).toMatchObject({
      losses: expected,
      counts: { compiles: PROGRAMS, fromCache: 0 },
    });
  }
});
