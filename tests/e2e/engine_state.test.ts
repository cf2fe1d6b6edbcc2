/** What a run on the engine keeps: its scales in checkpoints, and the times of its last step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Checkpoint, readCheckpoint } from "../../training/checkpoint.ts";
import {
  afterOverflow,
  afterUpdate,
  newEngineState,
  scalesOf,
  UPDATES_TO_GROW,
} from "../../training/engine_scales.ts";
import { resumeTrainer } from "../../training/resume.ts";
import { testFolder } from "../unit/data/support.ts";
import { anec, inNewFolder } from "./cli_support.ts";
import { data, device, distance, engine, inject, lossesOf, trainer } from "./engine_support.ts";

/** Losses of the engine and of the processor are as near as that. */
const NEAR = 2e-3;
/** Inside a group of three. */
const STOPPED = 5;

/** A run that stopped, and the same one that did not. */
function runs() {
  const folder = testFolder();
  const [whole, part] = [join(folder, "whole.ckpt"), join(folder, "part.ckpt")];
  const t = trainer();
  const before: number[] = [];
  while (t.state.step < STOPPED) before.push(t.step().loss);
  t.save(part);
  const losses = lossesOf(t);
  t.save(whole);
  t.close();
  return { before, losses, whole, part, checkpoint: readCheckpoint(part) };
}

test("a resumed run on the engine equals one that never stopped, bit for bit", () => {
  const { losses, whole, part, checkpoint } = runs();
  expect(checkpoint.state.engine).toMatchObject({ choice: engine, fitting: 0 });
  expect(checkpoint.state.group.scale).toBe(checkpoint.state.engine!.lossScale);
  const resumed = resumeTrainer({ checkpoint, data, engine, device });
  expect(lossesOf(resumed)).toEqual(losses);
  resumed.save(part);
  resumed.close();
  expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
});

test("`--fusion auto` is resumed with the layout it chose, bit for bit", () => {
  const engine = { fusion: "auto", ane: "full" } as const;
  const [whole, part] = ["whole.ckpt", "part.ckpt"].map((name) => join(testFolder(), name));
  const t = trainer({ engine });
  while (t.state.step < STOPPED) t.step();
  t.save(part!);
  const losses = lossesOf(t);
  t.save(whole!);
  t.close();
  const checkpoint = readCheckpoint(part!);
  const { choice } = checkpoint.state.engine!;
  expect(choice).toMatchObject({ ...engine, layout: expect.stringMatching(/^layer/) as string });
  const resumed = resumeTrainer({ checkpoint, data, engine, device });
  expect(resumed.state.engine!.choice).toEqual(choice);
  expect(lossesOf(resumed)).toEqual(losses);
  resumed.save(part!);
  resumed.close();
  expect(readFileSync(part!).equals(readFileSync(whole!))).toBe(true);
});

test("resumed on the processor, with other programs, or from a checkpoint without scales", () => {
  const { losses, checkpoint } = runs();
  const { engine: _, ...older } = checkpoint.state;
  const others: [Checkpoint, object][] = [
    [checkpoint, { device: { threads: 1 } }],
    [checkpoint, { device, engine: { fusion: "none", ane: "full" } }],
    [
      { ...checkpoint, state: older },
      { device, engine },
    ],
  ];
  for (const [from, more] of others) {
    const resumed = resumeTrainer({ checkpoint: from, data, ...more });
    const far = distance(lossesOf(resumed), losses);
    resumed.close();
    expect(far).toBeLessThan(NEAR);
  }
});

test("a run of the processor goes on on the engine inside a group", () => {
  const path = join(testFolder(), "a.ckpt");
  const cpu = trainer({}, { onEngine: false });
  while (cpu.state.step < STOPPED) cpu.step();
  cpu.save(path);
  const losses = lossesOf(cpu);
  cpu.close();
  expect(readCheckpoint(path).state).not.toHaveProperty("engine");
  const resumed = resumeTrainer({ checkpoint: readCheckpoint(path), data, engine, device });
  expect(distance(lossesOf(resumed), losses)).toBeLessThan(NEAR);
  resumed.close();
});

test("a loss that is scaled too much: nothing is updated until the gradient fits", () => {
  const found = trainer({ settings: { steps: 1, accum: 1 } });
  const { engine: state } = found.state;
  found.close();
  const scales = { ...scalesOf(state!), lossScale: 2 ** 28 };
  const t = trainer({ scales, settings: { steps: 24, accum: 1, lr: 3e-3, warmup: 1 } });
  const before = t.param("embed.weight").slice();
  const first = t.step().update!;
  expect(first).toMatchObject({ update: 0, skipped: { lossScale: 2 ** 27 } });
  expect(t.param("embed.weight")).toEqual(before);
  const updates = [first];
  while (!t.done) updates.push(t.step().update!);
  let [scale, done, fitting] = [2 ** 28, 0, 0];
  for (const { skipped, update, gradNorm } of updates) {
    [scale, fitting] = skipped === undefined ? [scale, fitting + 1] : [scale / 2, 0];
    if (skipped === undefined) done += 1;
    expect({ update, isFinite: Number.isFinite(gradNorm), scale: skipped?.lossScale }).toEqual({
      ...{ update: done, isFinite: skipped === undefined },
      scale: skipped === undefined ? undefined : scale,
    });
  }
  expect(done).toBeGreaterThan(2);
  expect(t.state).toMatchObject({
    updates: done,
    engine: { lossScale: scale, found: 2 ** 28, fitting },
  });
  t.close();
});

test("after 200 updates that fit the loss is scaled twice as much, up to what was found", () => {
  const start = newEngineState(engine, { lossScale: 1024, programs: new Map() });
  const many = (state: typeof start): typeof start => {
    let s = state;
    for (let i = 0; i < UPDATES_TO_GROW; i++) s = afterUpdate(s);
    return s;
  };
  expect(many(start)).toBe(start);
  const less = afterOverflow(afterUpdate(afterOverflow(start)));
  expect(less).toMatchObject({ lossScale: 256, fitting: 0 });
  let almost = less;
  for (let i = 1; i < UPDATES_TO_GROW; i++) almost = afterUpdate(almost);
  expect(almost).toMatchObject({ lossScale: 256, fitting: UPDATES_TO_GROW - 1 });
  expect(afterUpdate(almost)).toMatchObject({ lossScale: 512, fitting: 0 });
  expect(many(many(less))).toEqual(start);
  expect(many(many(many(less)))).toEqual(start);
  const least = newEngineState(engine, { lossScale: 1, programs: new Map() });
  expect(afterOverflow(least).lossScale).toBe(1);
});

const small =
  "train --model tiny --data builtin:stories -D L=1 -D D=32 -D F=64 --accum 2 --val-every 0";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: { readonly name?: string; readonly program?: string };
}

test("--trace: dispatches, staging and host kernels of the last step, in a row each", async () => {
  inNewFolder();
  const more = "--steps 4 --device emulator --trace out.json";
  expect(await anec(`${small} ${more}`.split(" "))).toMatchObject({ code: 0, err: "" });
  const { traceEvents: events } = JSON.parse(readFileSync("out.json", "utf8")) as {
    traceEvents: TraceEvent[];
  };
  const rows = new Map(events.filter((e) => e.ph === "M").map((e) => [e.tid, e.args.name]));
  expect([...rows.values()]).toEqual(["engine dispatches", "staging", "host kernels"]);
  const ran = events.filter((e) => e.ph === "X");
  const inRow = (name: string) => ran.filter((e) => rows.get(e.tid) === name);
  const dispatches = inRow("engine dispatches");
  expect(dispatches.map((e) => e.name.replace(/^\S*\./, ""))).toEqual([
    "layer_fwd",
    "bwd_a",
    "bwd_b",
  ]);
  for (const e of dispatches) expect(e.dur).toBeGreaterThan(0);
  expect(inRow("staging").length).toBeGreaterThan(4);
  const programs = [...new Set(ran.map((e) => e.args.program))];
  expect(programs).toEqual(["micro_step", "norm", "update", "stage"]);
  for (const e of ran) expect(e.ts).toBeGreaterThanOrEqual(0);
  for (const name of rows.values()) {
    const row = inRow(name!).sort((a, b) => a.ts! - b.ts!);
    for (const [i, e] of row.slice(1).entries())
      expect(e.ts).toBeGreaterThanOrEqual(row[i]!.ts! + row[i]!.dur! - 1e-3);
  }
});

test("the command line tells of faults and of what the engine has done", async () => {
  inNewFolder();
  inject("timeout=first:2");
  const { out, err } = await anec(`${small} --steps 2 --device emulator --json`.split(" "));
  expect(err).toBe("");
  const events = out
    .trimEnd()
    .split("\n")
    .map((l) => JSON.parse(l) as Record<string, unknown>);
  expect(events.find((e) => e["event"] === "engine")).toMatchObject({
    step: 1,
    action: "tried_again",
    diagnostic: {
      title: "the engine failed 2 times in step 1 and was tried again",
      notes: [
        ["system", expect.stringMatching(/^running `\w+` failed and is tried again: .*timed out/)],
        ["system", expect.stringContaining("Code=3")],
      ],
    },
  });
  expect(events.at(-1)).toMatchObject({ event: "result", engine: { retries: 2 } });
  inject("lock-fault=every:1");
  const stopped = await anec(`${small} --steps 2 --device emulator --no-fallback`.split(" "));
  expect(stopped.code).toBe(3);
  expect(stopped.err).toContain("error[E0625]");
});
