/** `anec search` as a command: killed at random moments and resumed, with workers that crash, and all its flags. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import type { WantedRun } from "../../training/search/experiment.ts";
import { limitOf, processPool } from "../../training/search/pool.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { commandLine, compileForProcesses } from "../e2e/processes.ts";
import { testFolder } from "../unit/data/support.ts";
import { settingsOf } from "../unit/search/support.ts";

let build = "";
beforeAll(() => {
  build = compileForProcesses();
}, 120_000);

const TINY = [
  ...["--model", "tiny", "--data", "builtin:stories", "--steps", "4", "--threads", "1"],
  ...["-D", "S=8", "-D", "D=16", "-D", "F=24", "-D", "L=1", "--blas", "builtin"],
];
const SPACE = ["--space", "lr=1e-4..1e-1:log", "--space", "accum=1,2,4", "--space", "H=2,4"];
/** Two seeds are surer than 75 % of nothing, and quick. */
const GATE = ["--seeds", "2", "--confidence", "0.75", "--workers", "2"];

/** The command in a process of its own, from the compiled sources. */
function start(argv: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, commandLine(build, argv), {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function ended(child: ChildProcess): Promise<{ code: number | null; err: string }> {
  let err = "";
  child.stderr!.on("data", (text: Buffer) => (err += text.toString()));
  child.stdout!.resume();
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, err })));
}

/** What does not depend on clocks. */
function fixedPart(folder: string): unknown[] {
  const lines = readFileSync(join(folder, "experiments.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const { timestamp: _, runs, ...rest } = JSON.parse(line);
    return { ...rest, runs: runs.map(({ seed, loss }: never) => ({ seed, loss })) };
  });
}

/** Workers of this build that are alive. */
function workersAlive(): number {
  const list = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
  return list.split("\n").filter((l) => l.includes(join(build, "training/search/worker_entry")))
    .length;
}

async function waitUntil(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((done) => setTimeout(done, 50));
  expect(holds()).toBe(true);
}

/** Over all searches; `KILLS=100` is what docs/robustness.md tells of. */
const KILLS = Number(process.env["KILLS"] ?? 4);

test(
  "killed at random moments and resumed, no experiment is lost and none is there twice",
  async () => {
    const folder = testFolder();
    const flags = ["search", ...TINY, ...SPACE, ...GATE, "--experiments", "3"];
    expect(await ended(start([...flags, "--out", "whole"], folder))).toEqual({ code: 0, err: "" });
    const whole = fixedPart(join(folder, "whole"));
    expect(whole).toHaveLength(4);

    for (let left = KILLS, round = 0; left > 0; round++) {
      const out = `killed_${round}`;
      const moments: number[] = [];
      for (;;) {
        const isThere = existsSync(join(folder, out, "search.json"));
        const child = start([...flags, "--out", out, ...(isThere ? ["--resume"] : [])], folder);
        const isKilled = moments.length < Math.min(4, left);
        const moment = isKilled ? 500 + Math.random() * 4000 : 120_000;
        if (isKilled) moments.push(moment);
        const clock = setTimeout(() => child.kill("SIGKILL"), moment);
        const { code, err } = await ended(child);
        clearTimeout(clock);
        if (code === 0) break;
        expect(code, `${err}\nkilled after ${moments.join(", ")} ms`).toBe(null);
      }
      left -= moments.length;
      expect(fixedPart(join(folder, out)), `killed after ${moments.join(", ")} ms`).toEqual(whole);
      const rows = readFileSync(join(folder, out, "results.tsv"), "utf8")
        .trimEnd()
        .split("\n");
      expect(rows).toHaveLength(5);
      await waitUntil(() => workersAlive() === 0);
      expect(readdirSync(join(folder, out)).filter((n) => !n.startsWith("."))).toEqual([
        ...["experiments.jsonl", "program.md", "results.tsv", "search.json"],
      ]);
    }
  },
  60_000 * (4 + KILLS),
);

test("workers end with a search that is killed, and a second search is refused meanwhile", async () => {
  const folder = testFolder();
  const long = TINY.map((flag) => (flag === "4" ? "10000000" : flag));
  const flags = ["search", ...long, ...GATE, "--out", "one"];
  const child = start(flags, folder);
  const end = ended(child);
  await waitUntil(() => workersAlive() === 2);
  const second = await ended(start(["search", "--resume", "--out", "one"], folder));
  expect(second.code).toBe(1);
  expect(second.err).toContain("E0988");
  expect(second.err).toContain(`process ${child.pid}`);
  child.kill("SIGKILL");
  await end;
  await waitUntil(() => workersAlive() === 0);
  // The lock that is left is that of nobody.
  const third = start(["search", "--resume", "--out", "one"], folder);
  const stopped = ended(third);
  await waitUntil(() => workersAlive() === 1);
  third.kill("SIGINT");
  const { code, err } = await stopped;
  expect(code).toBe(130);
  expect(err).toContain("anec search --resume --out one");
  await waitUntil(() => workersAlive() === 0);
  expect(existsSync(join(folder, "one", "lock"))).toBe(false);
}, 120_000);

test("a worker that crashes, hangs or talks nonsense is a run that failed", async () => {
  const folder = testFolder();
  const run = async (text: string, budget: WantedRun["budget"]) => {
    const entry = join(folder, "worker.mjs");
    writeFileSync(entry, text);
    const measure = processPool({ settings: settingsOf(), workers: 1, entry });
    return measure({ config: { lr: 1e-3 }, seed: 42, budget }, new AbortController().signal);
  };
  const steps = { seconds: null, steps: 1 };
  const fails = async (text: string) => (await run(text, steps)).error;
  expect(await fails("process.kill(process.pid, 'SIGKILL')")).toBe("its process ended (SIGKILL)");
  expect(await fails("console.error('a\\nno memory'); process.exit(9)")).toBe(
    "its process ended (exit code 9): no memory",
  );
  expect(await fails("console.log('hello')")).toBe("its process ended (exit code 0)");
  // Data that have changed say nothing of a configuration: the search ends.
  await expect(fails(`console.log('{"kind":"changed"}')`)).rejects.toThrow("E0995");
  expect(limitOf({ config: {}, seed: 1, budget: { seconds: 20, steps: null } })).toBe(120);
  // Three times nothing and a minute less a minute.
  const late = await run("setInterval(() => {}, 1e6)", { seconds: -59.5 / 3, steps: null });
  expect(late).toMatchObject({ loss: null, error: "it took longer than 0.5 s" });

  const measure = processPool({
    settings: settingsOf(),
    workers: 1,
    entry: join(folder, "worker.mjs"),
  });
  const stop = new AbortController();
  const wanted = { config: {}, seed: 1, budget: steps };
  const [first, second] = [measure(wanted, stop.signal), measure(wanted, stop.signal)];
  stop.abort(new Error("enough"));
  const [one, two] = await Promise.allSettled([first, second]);
  expect([one, two]).toEqual([
    ...[1, 2].map(() => ({ status: "rejected", reason: new Error("enough") })),
  ]);
});

test("a search from the command line: rows, tries, a longer search, a summary", async () => {
  inNewFolder();
  const first = await anec([
    "search",
    ...TINY,
    ...SPACE,
    ...GATE,
    "--experiments",
    "2",
    "--out",
    "s",
  ]);
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out).toMatch(/\n +0 {2}keep {5}\d\.\d{4} {3}baseline: the model as it is\n/);
  const rows = () => readFileSync("s/results.tsv", "utf8").trimEnd().split("\n").length - 1;
  expect(rows()).toBe(3);
  expect(readFileSync("s/program.md", "utf8")).toContain("--resume --out s");

  const tried = await anec([
    ...["search", "--resume", "--out", "s", "--experiments", "0", "--try", "lr=0.02,accum=1"],
    ...["--try", "H=3", "--json"],
  ]);
  expect(tried).toMatchObject({ code: 0, err: "" });
  const lines = tried.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const experiments = lines.filter((l) => l.event === "experiment");
  expect(experiments).toHaveLength(2);
  expect(experiments[0]).toMatchObject({ by: "given", config: { lr: 0.02, accum: 1 } });
  expect(experiments[1]).toMatchObject({ status: "skip", by: "given" });
  expect(rows()).toBe(5);

  const longer = await anec(["search", "--resume", "--out", "s", "--experiments", "3"]);
  expect(longer.code).toBe(0);
  expect(rows()).toBe(6);

  const summary = await anec(["search", "--summary", "s"]);
  expect(summary).toMatchObject({ code: 0, err: "" });
  expect(summary.out).toContain("drawn in s/summary.html");
  expect(readFileSync("s/summary.html", "utf8")).toMatch(/<svg[\s\S]*<circle class="keep"/);
}, 240_000);

test("bits per byte are compared by the karpathy protocol, a third of the budget by halving", async () => {
  inNewFolder();
  const flags = ["--protocol", "karpathy", "--strategy", "halving", "--experiments", "5"];
  const space = ["--space", "lr=1e-3..1e-1:log"];
  const { code, err } = await anec(["search", ...TINY, ...space, ...GATE, ...flags, "--out", "k"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const rows = readFileSync("k/results.tsv", "utf8").trimEnd().split("\n");
  expect(rows[0]).toBe("commit\tval_bpb\tmemory_gb\tstatus\tdescription");
  expect(rows.slice(1).map((row) => row.split("\t")[3])).toEqual([
    ...["keep", "rung", "rung", "rung", expect.stringMatching(/keep|discard/)],
  ]);
  // A token of the stories is one byte or more, so bits per byte lie below ln 60 / ln 2.
  for (const row of rows.slice(1)) expect(Number(row.split("\t")[1])).toBeLessThan(6.5);
}, 240_000);

test("runs of a search may be on the engine", async () => {
  inNewFolder();
  const flags = [...TINY, "--device", "emulator", "--no-fallback", "--space", "lr=1e-3,1e-2"];
  const gate = ["--seeds", "1", "--confidence", "0.5", "--experiments", "1"];
  const search = async (more: readonly string[], out: string) => {
    const { code, err } = await anec(["search", ...more, ...gate, "--out", out]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return fixedPart(out) as { status: string; runs: { loss: number }[] }[];
  };
  const onEngine = await search(flags, "engine");
  const cpu = flags.map((flag) => (flag === "emulator" ? "cpu" : flag));
  const onHost = await search(
    cpu.filter((flag) => flag !== "--no-fallback"),
    "cpu",
  );
  expect(onEngine).toHaveLength(2);
  for (const [i, { runs }] of onEngine.entries()) {
    const [own, exact] = [runs[0]!.loss, onHost[i]!.runs[0]!.loss];
    // The arithmetic is the engine's: near the processor's, and not the same.
    expect(own).not.toBe(exact);
    expect(Math.abs(own - exact)).toBeLessThan(2e-2);
  }
  const { device, engine, fallback } = JSON.parse(readFileSync("engine/search.json", "utf8"));
  expect({ device, engine, fallback }).toMatchObject({
    ...{ device: { engine: { kind: "emulator" } }, engine: { ane: "full" }, fallback: false },
  });
}, 120_000);

test("a budget of time is a time of training", async () => {
  inNewFolder();
  const flags = TINY.filter((flag) => !["--steps", "4"].includes(flag));
  const gate = ["--seeds", "1", "--confidence", "0.5", "--budget", "0.7s", "--experiments", "0"];
  const { code } = await anec(["search", ...flags, ...gate, "--out", "t"]);
  expect(code).toBe(0);
  const [record] = fixedPart("t") as [{ budget: unknown }];
  expect(record.budget).toEqual({ seconds: 0.7, steps: null });
  const { runs } = JSON.parse(readFileSync("t/experiments.jsonl", "utf8"));
  expect(runs[0].trainingSeconds).toBeGreaterThan(0.5);
  expect(runs[0].trainingSeconds).toBeLessThan(1.5);
  expect(runs[0].totalSeconds).toBeGreaterThan(runs[0].trainingSeconds);
}, 60_000);

test.each([
  [["--budget", "20"], 0, ""],
  [["--budget", "soon"], 2, "E0955"],
  [["--budget", "0s"], 2, "E0955"],
  [["--budget", "20s", "--steps", "4"], 2, "E0959"],
  [["--seeds", "4"], 1, "E0990"],
  [["--confidence", "1"], 2, "E0955"],
  [["--space", "lr"], 1, "E0706"],
  [["--space", "lrr=1,2"], 2, "E0964"],
  [["--space", "lr=2..1"], 1, "E0985"],
  [["--space", "clock=updates,micro_steps"], 2, "E0964"],
  [["--space", "steps=1,2"], 1, "E0985"],
  [["--try", "lr=1"], 2, "E0959"],
  [["--resume"], 1, "E0987"],
  [["--strategy", "best"], 2, "E0955"],
  [["--data", "nothing"], 1, "E0824"],
] as const)(
  "flags %j end with %i %s",
  async (flags, code, error) => {
    inNewFolder();
    if (code === 0) {
      writeFileSync("space.json", '{"lr": 1}');
      const settings = ["--space", "space.json", "--experiments", "0", "--seeds", "1"];
      const other = ["--confidence", "0.5", "--steps", "1", "--out", "s"];
      const argv = [
        "search",
        "--model",
        "tiny",
        "--data",
        "builtin:stories",
        ...settings,
        ...other,
      ];
      expect((await anec(argv)).code).toBe(0);
      const again = await anec(argv);
      expect(again.err).toContain("E0986");
      const changed = await anec(["search", "--resume", "--out", "s", ...flags]);
      expect(changed).toMatchObject({ code: 2 });
      expect(changed.err).toContain("E0959");
      const same = await anec([...argv, "--resume"]);
      expect(same).toMatchObject({ code: 0, err: "" });
      return;
    }
    const { code: found, err } = await anec([
      ...["search", "--model", "tiny", "--data", "builtin:stories", "--out", "s"],
      ...flags,
    ]);
    expect(err).toContain(error);
    expect(found).toBe(code);
    expect(existsSync("s/search.json")).toBe(false);
  },
  60_000,
);

test("the workers of a build are its own", () => {
  expect(existsSync(join(build, "training", "search", "worker_entry.js"))).toBe(true);
  expect(existsSync(join(packageRoot(), "dist", "training", "search", "worker_entry.js"))).toBe(
    true,
  );
});
