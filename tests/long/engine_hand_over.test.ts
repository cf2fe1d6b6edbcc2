/**
 * The end of a process's compiles, through the command line: fresh processes go on with the run, and nobody
 * who looks at losses, output or checkpoints can tell.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { resumeHandedOver, resumeTrainer } from "../../training/resume.ts";
import { data, device, engine, inject, lossesOf, trainer } from "../e2e/engine_support.ts";
import { testFolder } from "../unit/data/support.ts";

const MODEL = "--model tiny --data builtin:stories -D L=1 -D D=32 -D F=64";
const RUN = `${MODEL} --steps 12 --accum 2 --val-every 5 --save-every 3 --device emulator --json`;
/** Three programs, lost and compiled again at every 13th dispatch: a process does four steps. */
const LIMIT = "compile-limit=3,daemon-restart=13,restart-forgets=on,leaves-files=off";

type Event = Record<string, unknown> & { readonly event: string };

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly Event[];
  readonly err: string;
}

interface Options {
  readonly folder: string;
  readonly settings: string;
  /** Sees each line as it is printed. */
  readonly watch?: (event: Event, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs `anec train` in a process of its own; everything it prints is JSON. */
function train(line: string, { folder, settings, watch }: Options): Promise<Ended> {
  const script = join(packageRoot(), "bin", "anec.js");
  const child = spawn(process.execPath, [script, "train", ...line.split(" ")], {
    cwd: folder,
    env: { ...process.env, ANEC_EMULATOR: `numerics=fast,${settings}` },
  });
  const events: Event[] = [];
  let [rest, err] = ["", ""];
  child.stderr.on("data", (text: Buffer) => (err += text.toString()));
  child.stdout.on("data", (text: Buffer) => {
    const lines = `${rest}${text.toString()}`.split("\n");
    rest = lines.pop()!;
    for (const each of lines) {
      const event = JSON.parse(each) as Event;
      events.push(event);
      watch?.(event, (signal) => child.kill(signal));
    }
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, events, err }));
  });
}

/** What does not depend on how fast the machine is, or on what the engine went through. */
const PASSING = ["tokensPerSecond", "secondsLeft", "ms", "faults", "engine", "time"];

function courseOf(events: readonly Event[]): unknown[] {
  return events
    .filter((e) => e.event !== "engine")
    .map((e) => Object.fromEntries(Object.entries(e).filter(([name]) => !PASSING.includes(name))));
}

const handOvers = ({ events }: Ended): number[] =>
  events.filter((e) => e["action"] === "handed_over").map((e) => e["step"] as number);

test("a run through several processes is the run of one, to the byte", async () => {
  const [a, b] = [testFolder(), testFolder()];
  const line = `${RUN} --out run.ckpt --trace trace.json --log run.jsonl`;
  const [whole, handed] = await Promise.all([
    train(line, { folder: a, settings: "" }),
    train(line, { folder: b, settings: LIMIT }),
  ]);
  expect(whole).toMatchObject({ code: 0, err: "" });
  expect(handed).toMatchObject({ code: 0, err: "" });
  expect(handOvers(whole)).toEqual([]);
  expect(handOvers(handed).length).toBeGreaterThan(1);
  expect(courseOf(handed.events)).toEqual(courseOf(whole.events));
  // The log of all processes is what they printed.
  const log = readFileSync(join(b, "run.jsonl"), "utf8").trimEnd().split("\n");
  const logged = log.map((text) => JSON.parse(text) as Event);
  expect(courseOf(logged)).toEqual(courseOf(handed.events));
  expect(readFileSync(join(b, "run.ckpt")).equals(readFileSync(join(a, "run.ckpt")))).toBe(true);
  expect(readdirSync(b).sort()).toEqual(readdirSync(a).sort());
  const commands = (folder: string): string[] =>
    (
      JSON.parse(readFileSync(join(folder, "trace.json"), "utf8")) as {
        traceEvents: { name: string }[];
      }
    ).traceEvents
      .map((e) => e.name)
      .sort();
  expect(commands(b)).toEqual(commands(a));
  // The engine's work of all processes is added up.
  const count = ({ events }: Ended): Record<string, number> =>
    events.at(-1)!["engine"] as Record<string, number>;
  expect(count(handed)["loads"]).toBe(3 * (handOvers(handed).length + 1));
  expect(count(handed)["evaluations"]).toBeGreaterThanOrEqual(count(whole)["evaluations"]!);
  expect(handed.events.find((e) => e["action"] === "handed_over")).toMatchObject({
    diagnostic: {
      code: "E0920",
      severity: "warning",
      notes: [["system", expect.stringContaining("this process has compiled")]],
    },
  });
});

test("--time is the time of all processes together", async () => {
  const folder = testFolder();
  const seconds = 4;
  // No process reaches its end by itself: each is given a few steps, and the run as many as it has time for.
  const line = `${RUN.replace("--steps 12", `--time ${seconds}`)} --out run.ckpt`;
  const run = await train(line, { folder, settings: LIMIT });
  expect(run).toMatchObject({ code: 0, err: "" });
  expect(handOvers(run).length).toBeGreaterThanOrEqual(1);
  const steps = run.events.filter((e) => e.event === "step");
  expect(run.events.at(-1)).toMatchObject({ event: "result", reason: "time" });
  const { state } = readCheckpoint(join(folder, "run.ckpt"));
  expect(state).toMatchObject({ step: steps.length, group: { count: 0 } });
  expect(steps.map((e) => e["step"])).toEqual(steps.map((_, i) => i + 1));
});

test("Ctrl-C in a process that took over: the run is saved, and goes on as if nothing had been", async () => {
  const [a, b] = [testFolder(), testFolder()];
  const line = `${RUN} --out run.ckpt`;
  let [isHanded, isStopped] = [false, false];
  const [whole, stopped] = await Promise.all([
    train(line, { folder: a, settings: "" }),
    train(line, {
      folder: b,
      settings: LIMIT,
      watch: ({ event, action }, kill) => {
        // Once: a second one would end the run unsaved, and several steps can come at once.
        if (event === "step" && isHanded && !isStopped) kill("SIGINT");
        isStopped ||= event === "step" && isHanded;
        isHanded ||= action === "handed_over";
      },
    }),
  ]);
  expect(stopped.code).toBe(130);
  expect(stopped.events.at(-1)).toMatchObject({ event: "result", reason: "stopped" });
  expect(readdirSync(b)).toEqual(["run.ckpt"]);
  const resumed = await train("--resume run.ckpt --device emulator --json", {
    ...{ folder: b, settings: "" },
  });
  expect(resumed.code).toBe(0);
  const last = ({ events }: Ended): unknown => events.findLast((e) => e.event === "step")!["loss"];
  expect(last(resumed)).toBe(last(whole));
});

test("the first process is killed: the one that took over ends with it", async () => {
  const folder = testFolder();
  let isHanded = false;
  let isKilled = false;
  const { signal } = await train(`${RUN.replace("--steps 12", "--steps 100000")} --out run.ckpt`, {
    ...{ folder, settings: LIMIT.replace("daemon-restart=13", "daemon-restart=3000") },
    watch: ({ event, action }, kill) => {
      if (event === "step" && isHanded && !isKilled) {
        isKilled = true;
        kill("SIGKILL");
      }
      isHanded ||= action === "handed_over";
    },
  });
  // The streams close when the last process that has them is gone.
  expect(isKilled).toBe(true);
  expect(signal).toBe("SIGKILL");
  expect(readCheckpoint(join(folder, "run.ckpt")).state.step).toBeLessThan(100_000);
});

test("a process that gets no step done does not hand over again", async () => {
  const [a, b] = [testFolder(), testFolder()];
  // The second step of a group of two is never reached: the first one is repeated before it.
  const settings = LIMIT.replace("daemon-restart=13", "daemon-restart=4");
  const [onCpu, stopped] = await Promise.all([
    train(`${RUN} --out run.ckpt`, { folder: a, settings }),
    train(`${RUN} --out run.ckpt --no-fallback`, { folder: b, settings }),
  ]);
  expect(onCpu).toMatchObject({ code: 0, err: "" });
  expect(onCpu.events.filter((e) => e.event === "step")).toHaveLength(12);
  expect(handOvers(onCpu)).toEqual([2]);
  const words = expect.stringContaining("this process has compiled");
  expect(onCpu.events.find((e) => e["action"] === "cpu")).toMatchObject({
    ...{ step: 2, diagnostic: { code: "E0917", notes: [["system", words]] } },
  });
  expect(stopped.code).toBe(3);
  expect(handOvers(stopped)).toEqual([2]);
  expect(`${stopped.err}${JSON.stringify(stopped.events.at(-1))}`).toContain("E0918");
  expect(readCheckpoint(join(b, "run.ckpt")).state).toMatchObject({ step: 0, group: { count: 0 } });
});

test("through the library: E0919, and a checkpoint inside a group that goes on bit for bit", () => {
  const whole = trainer();
  const expected = lossesOf(whole);
  whole.close();

  const path = join(testFolder(), "handed.ckpt");
  const first = trainer({ handsOver: true });
  const losses: number[] = [];
  while (first.state.step < 5) losses.push(first.step().loss);
  inject("daemon-restart=1,restart-forgets=on,leaves-files=off,compile-limit=0");
  for (let i = 0; i < 2; i++) {
    expect(() => first.step()).toThrow(
      expect.objectContaining({ diagnostics: [expect.objectContaining({ code: "E0919" })] }),
    );
  }
  expect(() => first.finishGroup()).toThrow();
  expect(first.state).toMatchObject({ step: 5, group: { count: 2, isRepeated: true } });
  first.save(path);
  first.close();
  expect(existsSync(path)).toBe(true);

  inject("");
  const checkpoint = readCheckpoint(path);
  expect([...checkpoint.tensors.keys()].filter((n) => n.startsWith("grad."))).toEqual([]);
  const second = resumeTrainer({ checkpoint, data, engine, device });
  expect(second.state.group).not.toHaveProperty("isRepeated");
  losses.push(...lossesOf(second));
  second.close();
  expect(losses).toEqual(expected);
});

test("the compiles of a process are counted over its sessions", () => {
  const budget = { ...device, engine: { ...device.engine, compileBudget: 5 } };
  const t = trainer({ device: budget, handsOver: true });
  t.step();
  const forgets = "restart-forgets=on,leaves-files=off";
  // Three were compiled at the start; the session that is opened next may compile two.
  inject(`lock-fault=1,${forgets}`);
  expect(() => t.step()).toThrow(
    expect.objectContaining({
      diagnostics: [
        expect.objectContaining({ code: "E0919", title: expect.stringContaining("compiles") }),
      ],
    }),
  );
  t.close();
});

test("the engine cannot be opened by the process that takes over: the processor goes on, or E0918", () => {
  const out = join(testFolder(), "out.ckpt");
  const path = join(testFolder(), "handed.ckpt");
  const first = trainer();
  first.step();
  first.save(path);
  const { engineCounts: countsBefore } = first;
  first.close();
  inject("engine=off");
  const options = { checkpoint: readCheckpoint(path), data, engine, device, countsBefore };
  const { trainer: second, trouble } = resumeHandedOver(options, out);
  expect(second.engine).toBeUndefined();
  expect(second.engineCounts).toEqual(countsBefore);
  expect(second.step().step).toBe(2);
  second.close();
  expect(trouble).toMatchObject({ step: 2, action: "cpu", diagnostic: { code: "E0917" } });
  expect(existsSync(out)).toBe(false);
  expect(() => resumeHandedOver({ ...options, fallback: false }, out)).toThrow(
    expect.objectContaining({ diagnostics: [expect.objectContaining({ code: "E0918" })] }),
  );
  expect(readCheckpoint(out).state).toMatchObject({ step: 1, group: { count: 1 } });
});
