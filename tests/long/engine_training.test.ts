/**
 * Training with the calls of the engine, carried out by the emulator with the engine's own arithmetic: the
 * losses are those of the processor.
 */
import { beforeAll, expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { candidatesFor, layoutName } from "../../passes/ane/candidates.ts";
import { emulatorLibrary, emulatorReport } from "../../runtime-native/js/ane.ts";
import { openData } from "../../training/data/open_data.ts";
import type { TokenData } from "../../training/data/token_file.ts";
import { withLayout } from "../../training/engine_layout.ts";
import { readModel } from "../../training/model.ts";
import { completeSettings } from "../../training/options.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "../../training/trainer.ts";
import { distance, inject, lossesOf } from "../e2e/engine_support.ts";

let data: TokenData;
beforeAll(async () => {
  data = await openData("builtin:stories");
});

const UPDATES = 200;
const COUNTED = 50;

function trainer(more: Partial<TrainerOptions> = {}): Trainer {
  return createTrainer({
    source: loadModel("tiny"),
    data,
    dataName: "builtin:stories",
    settings: { steps: UPDATES, accum: 1, lr: 1e-3 },
    ...more,
  });
}

/** The mean loss of the last updates. */
function lastLosses(t: Trainer): number {
  const losses: number[] = [];
  while (!t.done) losses.push(t.step().loss);
  return losses.slice(-COUNTED).reduce((a, b) => a + b, 0) / COUNTED;
}

let onProcessor: number | undefined;
function reference(): number {
  if (onProcessor !== undefined) return onProcessor;
  const t = trainer();
  onProcessor = lastLosses(t);
  t.close();
  return onProcessor;
}

const FUSIONS = ["none", "pairs", "layer", "auto"] as const;
const SHARES = ["full", "matmul"] as const;
const COMBINATIONS = FUSIONS.flatMap((fusion) => SHARES.map((ane) => [fusion, ane] as const));

/** Distinct programs of each share: what has to be compiled, once. */
const PROGRAMS = { none: 10, pairs: 8, layer: 3, matmul: 5 };

test.each(COMBINATIONS)("fusion %s, ane %s: the loss of the processor", (fusion, ane) => {
  inject("");
  const t = trainer({ engine: { fusion, ane }, device: { engine: { kind: "emulator" } } });
  const loss = lastLosses(t);
  const { layout } = t.state.engine!.choice;
  const counts = t.engineCounts!;
  t.close();
  expect(Math.abs(loss - reference())).toBeLessThan(0.02);
  expect(loss).toBeLessThan(5);
  // The search finds `layer` for `tiny` on the emulator's chip; of `matmul` there are two layouts.
  expect(layout === undefined).toBe(fusion !== "auto");
  const scheme = ane === "matmul" ? "matmul" : fusion === "auto" ? "layer" : fusion;
  if (fusion === "auto") expect(layout).toBe(`${scheme}, params`);
  expect(counts.loads).toBe(PROGRAMS[scheme]);
  expect(counts.compiles).toBe(PROGRAMS[scheme]);
  expect(counts.overflows).toBe(0);
  expect(counts.retries + counts.reloads).toBe(0);
});

test("every layout that `auto` may choose trains", () => {
  const settings = { steps: 3, accum: 1, lr: 3e-3, warmup: 1 };
  const small = { settings, overrides: { S: 16, L: 1 }, device: { threads: 1 } };
  const losses = (more: Partial<TrainerOptions> = {}): number[] => {
    const t = trainer({ ...small, ...more });
    const found = lossesOf(t);
    t.close();
    return found;
  };
  const expected = losses();
  inject("compile-limit=off,numerics=fast");
  const device = { ...small.device, engine: { kind: "emulator", compileBudget: 0 } } as const;
  const candidates = candidatesFor("m4", { training: true });
  expect(candidates.length).toBeGreaterThan(50);
  for (const layout of candidates) {
    const engine = { fusion: "auto", ane: "full", layout } as const;
    const far = distance(losses({ engine, device }), expected);
    expect(far, layoutName(layout)).toBeLessThan(1e-3);
  }
  // Those with slices are other programs.
  expect(emulatorReport(emulatorLibrary()).compiles).toBeGreaterThan(60);
});

test("`auto` weighs for the chip that the device says it is", () => {
  const model = readModel({ source: loadModel("autoresearch"), overrides: { L: 1 } });
  const device = { engine: { kind: "emulator" } } as const;
  const settings = completeSettings({});
  const [old, recent] = ["m1", "m4_max"].map((chip) => {
    inject(`chip=${chip}`);
    return withLayout({ fusion: "auto", ane: "full" }, { model, settings, device }).layout!;
  });
  // On an M1 all but the forward products are predicted to be faster on the processor.
  expect(layoutName(old!)).toMatch(/^matmul/);
  expect(layoutName(recent!)).not.toMatch(/^matmul/);
  inject("engine=off");
  expect(() => withLayout({ fusion: "auto", ane: "full" }, { model, settings, device })).toThrow(
    expect.objectContaining({ code: "E0620" }),
  );
});

test("two runs on the engine have the same losses, bit for bit", () => {
  const run = (): number[] => {
    const t = trainer({
      settings: { steps: 6, accum: 2 },
      engine: { fusion: "layer", ane: "full" },
      device: { engine: { kind: "emulator" } },
    });
    const losses: number[] = [];
    while (!t.done) losses.push(t.step().loss);
    t.close();
    return losses;
  };
  expect(run()).toEqual(run());
});

test("nothing is compiled in a step, and surfaces take what the schedule says", () => {
  const t = trainer({
    settings: { steps: 8, accum: 2 },
    engine: { fusion: "layer", ane: "full" },
    device: { engine: { kind: "emulator" } },
  });
  const before = t.engineCounts!;
  t.step();
  const one = t.engineCounts!;
  t.step();
  t.step();
  const later = t.engineCounts!;
  t.close();
  expect(later.compiles).toBe(before.compiles);
  expect(one.evaluations - before.evaluations).toBe(3 * 2);
  // x of the first layer, for both directions, and the gradient of the last one.
  expect(one.bytesWritten - before.bytesWritten).toBe(3 * 2 * 64 * 32);
});
