/** Training without gradients. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { isTrained, leafName } from "../../../../compiler/ir/graph.ts";
import { ATTENTION_TARGETS, type Lora } from "../../../../passes/lora.ts";
import { readCheckpoint } from "../../../../training/checkpoint.ts";
import type { TokenData } from "../../../../training/data/token_file.ts";
import { evaluate } from "../../../../training/evaluate.ts";
import {
  type ZerothChoice,
  type ZerothOrder,
  zerothSettings,
} from "../../../../training/mezo/options.ts";
import { movedParams } from "../../../../training/mezo/order.ts";
import { mezoPlan } from "../../../../training/mezo/programs.ts";
import { openModel } from "../../../../training/open_model.ts";
import { resumeTrainer } from "../../../../training/resume.ts";
import { closing, lossesOf, toyData } from "../support.ts";
import { copyOf, mezoTrainer } from "./support.ts";

const lora: Lora = { rank: 4, scale: 1, targets: ATTENTION_TARGETS, norms: true };
const device = { threads: 1 };

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-mezo-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

test("with a rate of next to nothing a step gives every parameter back, bit for bit", () => {
  for (const method of ["mezo", "fzoo"] as const) {
    const trainer = mezoTrainer({ method }, { lr: 1e-30, steps: 50 });
    const before = copyOf(trainer);
    lossesOf(trainer);
    expect(copyOf(trainer)).toEqual(before);
  }
});

test("as AutoANE does it, parameters drift by roundings alone", () => {
  const trainer = mezoTrainer({}, { lr: 1e-30, steps: 50, compat: "autoane" });
  const before = copyOf(trainer);
  lossesOf(trainer);
  let [largest, changed] = [0, 0];
  for (const [path, values] of copyOf(trainer)) {
    for (const [i, w] of values.entries()) {
      const drift = Math.abs(w - before.get(path)![i]!);
      largest = Math.max(largest, drift);
      if (drift > 0) changed += 1;
    }
  }
  expect(changed).toBeGreaterThan(0);
  // Fifty times three additions to numbers up to 1, half a unit in the last place each.
  expect(largest).toBeLessThan(150 * 2 ** -24);
});

test("the epsilon is a power of two, but AutoANE's with its compatibility", () => {
  const of = (choice: Partial<ZerothChoice>, given = {}): ZerothOrder =>
    zerothSettings({ method: "mezo", ...choice }, given).zeroth!;
  expect(of({}).epsilon).toBe(2 ** -10);
  expect(of({ epsilon: 0.01 }).epsilon).toBe(2 ** -7);
  expect(of({}, { compat: "autoane" }).epsilon).toBe(1e-3);
  expect(() => of({ epsilon: 0 })).toThrow("--eps");
  expect(() => of({ probes: 0 })).toThrow("--probes");
});

/** Text in which every other token is the same one: something that a few hundred steps can find. */
function skewedData(): TokenData {
  const data = toyData();
  return { ...data, tokens: data.tokens.map((id, i) => (i % 2 === 0 ? 3 : id)) };
}

describe("500 steps improve the loss", () => {
  test.each([
    ["mezo", undefined, 3e-4],
    ["mezo", lora, 3e-2],
    ["fzoo", undefined, 1e-3],
    ["fzoo", lora, 5e-3],
  ] as const)("%s, adapters %o", (method, adapters, lr) => {
    const more = adapters === undefined ? {} : { lora: adapters };
    const trainer = mezoTrainer({ method }, { lr, steps: 500 }, { data: skewedData(), ...more });
    const before = trainer.validate();
    lossesOf(trainer);
    const after = trainer.validate();
    expect(after).toBeLessThan(before - 0.02);
  });
});

test("a compacted table is moved like the whole one, and its spare row stays", () => {
  const settings = { compat: "autoane", lr: 1e-30, steps: 1 } as const;
  const whole = mezoTrainer({}, { ...settings, compact: false });
  const compact = mezoTrainer({}, settings);
  const { active } = compact.vocabulary;
  expect(active).not.toBeNull();
  whole.step();
  compact.step();
  const [all, some] = [whole.param("embed.weight"), compact.param("embed.weight")];
  for (const [row, id] of active!.entries()) {
    expect(some.slice(row * 16, row * 16 + 16)).toEqual(all.slice(id * 16, id * 16 + 16));
  }
});

test("a run goes on from a checkpoint with the same losses, and from no other method's", () => {
  for (const more of [{}, { lora }]) {
    for (const method of ["mezo", "fzoo"] as const) {
      const path = temporaryFile("run.ckpt");
      const losses = lossesOf(mezoTrainer({ method }, { lr: 1e-3 }, more));
      const first = mezoTrainer({ method }, { lr: 1e-3 }, more);
      const early = Array.from({ length: 7 }, () => first.step().loss);
      first.save(path);
      const checkpoint = readCheckpoint(path);
      expect([...checkpoint.tensors.keys()].every((name) => name.startsWith("param."))).toBe(true);
      const data = toyData();
      const second = closing(resumeTrainer({ checkpoint, data, device }));
      expect([...early, ...lossesOf(second)]).toEqual(losses);
      const other = zerothSettings({ method: method === "mezo" ? "fzoo" : "mezo" });
      expect(() => resumeTrainer({ checkpoint, data, device, settings: other })).toThrow(
        `is one of \`--method ${method}\``,
      );
    }
  }
});

test("adapters that were trained without gradients are in the checkpoint", async () => {
  const path = temporaryFile("run.ckpt");
  const trainer = mezoTrainer({}, { lr: 3e-3, steps: 60 }, { lora });
  const start = trainer.validate();
  lossesOf(trainer);
  const loss = trainer.validate();
  expect(Math.abs(loss - start)).toBeGreaterThan(1e-4);
  trainer.save(path);
  const found = await evaluate(openModel(path), { data: toyData(), device });
  expect(Math.abs(found.loss - loss)).toBeLessThan(1e-5);
});

test("frozen weights are not moved", () => {
  const trainer = mezoTrainer({}, { lr: 1e-2 }, { lora });
  const before = copyOf(trainer);
  lossesOf(trainer);
  for (const param of trainer.model.graph.params) {
    const path = leafName(param);
    if (isTrained(param)) expect(trainer.param(path)).not.toEqual(before.get(path));
    else expect(trainer.param(path)).toEqual(before.get(path));
  }
});

test("a run holds parameters and nothing as large beside them", () => {
  const trainer = mezoTrainer({}, {}, { lora });
  const held = mezoPlan({
    graph: trainer.model.graph,
    moved: movedParams(trainer.model.graph),
  }).plan;
  const parameters = 4 * trainer.parameters;
  const others = held.buffers
    .filter((b) => b.arena === "state" && !b.name.startsWith("param."))
    .reduce((n, b) => n + b.bytes, 0);
  expect(held.stateBytes).toBeGreaterThanOrEqual(parameters);
  expect(others).toBeLessThan(512);
});
