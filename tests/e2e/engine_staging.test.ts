/**
 * What moves between memory and the engine's surfaces, counted by the device: the schedule's own figures, and
 * weights once an update, as far as they changed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { trafficOf } from "../../compiler/bundle/traffic.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { loadModel } from "../../dsl/index.ts";
import { compileAne } from "../../passes/ane/compile.ts";
import type { EngineCounts } from "../../runtime-native/js/index.ts";
import { engineGraph } from "../../training/engine_programs.ts";
import type { Trainer } from "../../training/trainer.ts";
import { enginePlan, engineSession, FUSIONS } from "../support/engine_session.ts";
import { graphOf, valuesOf } from "../support/random_model.ts";
import { ACCUM, device, engine, inject, trainer } from "./engine_support.ts";

/** What the schedule of a trainer's micro-step says, and its staging. */
function figuresOf(t: Trainer, fusion: (typeof FUSIONS)[number]) {
  const { trained, compiling } = engineGraph(t.model.graph, { fusion, ane: "full" });
  const { schedule, staging } = compileAne(trained, compiling);
  return { step: trafficOf(schedule), staged: trafficOf(staging).bytesWritten };
}

function during(t: Trainer, work: () => void) {
  const before = t.engineCounts!;
  work();
  const after = t.engineCounts!;
  const names = ["evaluations", "bytesWritten", "bytesRead", "bytesCopied", "bytesStaged"] as const;
  const moved = names.map((name) => [name, after[name] - before[name]] as const);
  return Object.fromEntries(moved) as Pick<EngineCounts, (typeof names)[number]>;
}

test.each(FUSIONS)("%s: the device moves what the schedule says", (fusion) => {
  const t = trainer({ engine: { fusion, ane: "full" } });
  const { step, staged } = figuresOf(t, fusion);
  const microStep = {
    evaluations: step.dispatches,
    bytesWritten: step.bytesWritten,
    bytesRead: step.bytesRead,
    bytesCopied: step.bytesCopied,
  };
  expect(t.engineCounts).toMatchObject({ bytesStaged: staged, bytesWritten: 0, bytesRead: 0 });
  for (let group = 0; group < 2; group++) {
    for (let i = 1; i < ACCUM; i++)
      expect(during(t, () => t.step())).toEqual({ ...microStep, bytesStaged: 0 });
    // The last one of a group comes with an update, after which every weight is staged once.
    expect(during(t, () => t.step())).toEqual({ ...microStep, bytesStaged: staged });
  }
  expect(during(t, () => t.restage()).bytesStaged).toBe(0);
  t.close();
});

test.each(FUSIONS)("%s: of a parameter that changes, its own bytes are staged", (fusion) => {
  const train = graphOf(loadModel("tiny"), "train", { S: 16, D: 16, F: 24, V: 32, L: 1 });
  const session = engineSession(enginePlan(train, fusion), train, valuesOf(train, 3));
  const staged = (): number => session.engineCounts()!.bytesStaged;
  const whole = staged();
  expect(whole).toBeGreaterThan(0);
  session.run("stage");
  expect(staged()).toBe(whole);
  let sum = 0;
  for (const param of train.params) {
    const before = staged();
    const values = session.f32(`param.${leafName(param)}`);
    values[values.length - 1] = values[values.length - 1]! + 0.5;
    session.run("stage");
    const own = staged() - before;
    // A weight of both directions lies on two surfaces; tables of embeddings on none.
    expect(own % (2 * values.length)).toBe(0);
    sum += own;
    session.run("stage");
    expect(staged() - before).toBe(own);
  }
  // Weights of norms are folded into the matrices after them, which then change with them.
  expect(sum).toBeGreaterThanOrEqual(whole);
  session.close();
});

test("what the engine mended at the start is told, in its words", () => {
  const cache = mkdtempSync(join(tmpdir(), "anec-staging-"));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  inject("");
  const kept = { engine: { ...device.engine, cache }, threads: 1 };
  trainer({ engine, device: kept }).close();
  const damage = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) damage(path);
      else if (path.includes("files")) writeFileSync(path, readFileSync(path).fill(0, 0, 1));
    }
  };
  damage(cache);
  inject("transient-compile=1");
  const t = trainer({ engine, device: kept });
  t.step();
  const words = t.takeTroubles().flatMap((x) => x.diagnostic.notes?.map(([, text]) => text) ?? []);
  t.close();
  expect(words.filter((w) => w.includes("is damaged and is compiled again"))).toHaveLength(3);
  expect(words.filter((w) => /^compiling `\w+` failed and is tried again/.test(w))).toHaveLength(1);
});
