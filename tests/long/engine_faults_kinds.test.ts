/**
 * Training while the engine fails: a run ends with the losses of an undisturbed one, or stops with a message
 * that names the fault, and a run that stopped goes on from its checkpoint.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { createRandom } from "../../training/random.ts";
import { resumeTrainer } from "../../training/resume.ts";
import { startRun, type TrainEvent } from "../../training/run.ts";
import {
  ACCUM,
  data,
  device,
  distance,
  engine,
  inject,
  KINDS,
  lossesOf,
  RELOADING,
  STEPS,
  trainer,
} from "../e2e/engine_support.ts";
import { testFolder } from "../unit/data/support.ts";

/** Losses of the engine and of the processor are as near as that. */
const NEAR = 2e-3;
/** Inside a group, so that there are gradients to lose. */
const FAILING = 5;

let undisturbed: readonly number[];
beforeAll(() => {
  const t = trainer();
  undisturbed = lossesOf(t);
  expect(t.takeTroubles()).toEqual([]);
  t.close();
});

const forgetful = "daemon-restart=2,restart-forgets=on,leaves-files=off";

/** What is done about a fault that occurs in the middle of a run. */
const MENDED = [
  ["timeout=2", ["tried_again"]],
  ["inference-fault=first:2", ["tried_again"]],
  ["daemon-restart=3", ["tried_again"]],
  ["daemon-restart=every:8", ["tried_again"]],
  [`${forgetful},transient-compile=first:2`, ["tried_again"]],
  ["daemon-restart=1,transient-load=first:2", ["tried_again"]],
  ["timeout=first:5", ["tried_again", "reloaded"]],
  ["lock-fault=2", ["reloaded"]],
  ["unlock-fault=3", ["reloaded"]],
  ["base-fault=1", ["reloaded"]],
  ["lock-fault=1,unload-fault=every:1", ["reloaded"]],
] as const;

test.each(MENDED)("%s: mended, and the losses are the same, bit for bit", (settings, actions) => {
  const t = trainer();
  const losses = lossesOf(t, (step) => {
    if (step === FAILING) inject(settings);
  });
  const troubles = t.takeTroubles();
  const { engineCounts } = t;
  t.close();
  expect(losses).toEqual(undisturbed);
  expect([...new Set(troubles.map((x) => x.action))]).toEqual(actions);
  expect(troubles[0]!.step).toBeGreaterThanOrEqual(FAILING);
  expect(engineCounts!.evaluations).toBeGreaterThanOrEqual(2 * 2 * STEPS);
});

/** A reload does not help either. */
const LASTING = [
  ["timeout=every:1", "status=0xf"],
  ["lock-fault=1,surface-fault=every:1", "no surface"],
  ["lock-fault=1,short-surface=every:1", "a surface that is too small"],
  ["lock-fault=1,nil-model=every:1", "no model was made"],
  ["lock-fault=1,nil-descriptor=every:1", "no descriptor was made"],
  ["lock-fault=1,nil-request=every:1", "request is nil"],
  ["lock-fault=1,nil-wrapper=every:1", "refused a surface"],
  [`${forgetful},compile-limit=0`, "this process has compiled"],
  [`${forgetful},refuse=matmul`, "InvalidMILProgram"],
] as const;

test.each(LASTING)("%s: the processor goes on from the same step", (settings, words) => {
  const t = trainer();
  const losses = lossesOf(t, (step) => {
    if (step === FAILING) inject(settings);
  });
  const last = t.takeTroubles().at(-1)!;
  expect(t.engine).toBeUndefined();
  t.close();
  expect(losses.slice(0, FAILING - 1)).toEqual(undisturbed.slice(0, FAILING - 1));
  expect(distance(losses, undisturbed)).toBeLessThan(NEAR);
  expect(last).toMatchObject({ action: "cpu", step: FAILING });
  expect(last.diagnostic).toMatchObject({ code: "E0917", severity: "warning" });
  const { title, notes = [] } = last.diagnostic;
  expect(`${title} ${notes.join(" ")}`).toContain(words);
});

test("random sequences of every fault: the same losses, or another device that says why", () => {
  const random = createRandom(11);
  const pick = (n: number): number => random.uniformIndex(n);
  const seen = new Set<string>();
  const all = [...KINDS, ...RELOADING];
  let [given, turn] = [0, 0];
  for (let i = 0; i < 10; i++) {
    inject("");
    const t = trainer({ settings: { steps: 6, accum: ACCUM, lr: 3e-3, warmup: 1 } });
    const losses = lossesOf(t, () => {
      if (pick(3) === 0 || t.engine === undefined) return;
      // Something has to be loaded again, so that faults of loading and compiling get their turn.
      const again = pick(2) === 0 ? "daemon-restart=1" : "lock-fault=1";
      const forgets = pick(2) === 0 ? "restart-forgets=on,leaves-files=off," : "";
      // Each kind has its turn.
      const kind = all[(7 * turn++) % all.length]!;
      seen.add(kind);
      const two = kind === again.split("=")[0] ? "" : `,${kind}=${1 + pick(3)}`;
      inject(`${forgets}${again}${two}`);
    });
    const troubles = t.takeTroubles();
    const isOnEngine = t.engine !== undefined;
    given += troubles.length;
    t.close();
    const far = distance(losses, undisturbed.slice(0, 6));
    expect(far).toBeLessThan(isOnEngine ? Number.MIN_VALUE : NEAR);
    const last = troubles.filter((x) => x.action === "cpu");
    expect(last.map((x) => x.diagnostic.code)).toEqual(isOnEngine ? [] : ["E0917"]);
    for (const { diagnostic } of last) expect(diagnostic.title).toMatch(/stays so: \S+/);
  }
  expect(given).toBeGreaterThan(20);
  expect([...seen].sort()).toEqual([...all].sort());
});

test("an engine that does not say how long it took, and memory that nobody watches", () => {
  const nanoseconds = ["counters=on", "counters=off", "watch-memory=off"].map((settings) => {
    inject(settings);
    const t = trainer();
    expect(lossesOf(t)).toEqual(undisturbed);
    const { hardwareNanoseconds } = t.engineCounts!;
    t.close();
    return hardwareNanoseconds > 0;
  });
  expect(nanoseconds).toEqual([true, false, true]);
});

test("an engine that only takes its predicted time computes nothing", () => {
  inject("pace=predicted");
  const t = trainer({ settings: { steps: 1, accum: 1 } });
  const { loss } = t.step();
  expect(t.engineCounts!.evaluations).toBe(3 * 2);
  expect(t.gradient("block.0.attn.wq").every((g) => g === 0)).toBe(true);
  expect(loss).not.toBe(undisturbed[0]);
  t.close();
});

test("a fault while weights are staged", () => {
  const t = trainer();
  const losses = lossesOf(t, (step) => {
    if (step !== FAILING) return;
    inject("lock-fault=2");
    t.restage();
  });
  expect(losses).toEqual(undisturbed);
  expect(t.takeTroubles().map((x) => x.action)).toEqual(["reloaded"]);
  t.close();
});

test("--no-fallback: stops, says why, and goes on from the checkpoint as if nothing had been", async () => {
  const out = join(testFolder(), "stopped.ckpt");
  const t = trainer({ fallback: false });
  const events: TrainEvent[] = [];
  const run = startRun({
    ...{ trainer: t, out },
    onEvent: (e) => {
      events.push(e);
      if (e.kind === "step" && e.step === FAILING - 1) inject("lock-fault=every:1");
    },
  });
  await expect(run.finished).rejects.toMatchObject({
    diagnostics: [
      {
        code: "E0918",
        title: expect.stringMatching(/^the engine failed in step 5 and stays so: .*surface/),
      },
    ],
  });
  t.close();
  expect(events.at(-1)).toMatchObject({ kind: "saved", step: ACCUM });
  inject("");
  const checkpoint = readCheckpoint(out);
  for (const more of [{ engine, device }, { device: { threads: 1 } }]) {
    const resumed = resumeTrainer({ checkpoint, data, ...more });
    const losses = lossesOf(resumed);
    resumed.close();
    const far = distance(losses, undisturbed.slice(ACCUM));
    expect(far).toBeLessThan("engine" in more ? Number.MIN_VALUE : NEAR);
  }
});

/** At the start there is nothing to go on from: the command says what is wrong. */
const AT_START = [
  ["engine=off", "E0620"],
  ["refuse=matmul", "E0621"],
  ["compile-limit=2", "E0621"],
  ["surface-fault=1", "E0625"],
] as const;

test.each(AT_START)("%s from the start: %s", (settings, code) => {
  inject(settings);
  expect(() => trainer()).toThrow(expect.objectContaining({ code }));
});

/** Ends of command lines in processes of their own, whose emulator reads the variable. */
function anec(settings: string, ...more: string[]) {
  const small = "--model tiny --data builtin:stories -D L=1 -D D=32 -D F=64 --steps 8 --accum 2";
  const root = packageRoot();
  const line = ["train", ...small.split(" "), "--device", "emulator", "--val-every", "0", ...more];
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(
      process.execPath,
      [join(root, "bin", "anec.js"), ...line],
      { cwd: testFolder(), env: { ...process.env, ANEC_EMULATOR: settings } },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

test("the command line: names missing, faults by chance, a fault that stays", async () => {
  const [missing, chance, text] = await Promise.all([
    anec("missing=_ANEInMemoryModel"),
    anec("seed=3,timeout=rate:0.2,lock-fault=rate:0.02", "--json"),
    anec("inference-fault=every:1"),
  ]);
  expect(missing.code).toBe(3);
  expect(missing.err).toContain("error[E0620]");
  expect(missing.err).toContain("_ANEInMemoryModel");

  const events = chance.out
    .trimEnd()
    .split("\n")
    .map((l) => JSON.parse(l) as { event: string });
  expect(chance).toMatchObject({ code: 0, err: "" });
  expect(events.filter((e) => e.event === "step")).toHaveLength(8);
  expect(events.find((e) => e.event === "engine")).toMatchObject({
    diagnostic: { severity: "warning" },
  });

  expect(text.code).toBe(0);
  expect(text.err).toContain("warning[E0917]: the engine failed in step 1 and stays so");
  expect(text.err).toContain("The run goes on on the cpu from step 1.");
});
