/** The semantics of a run: sampling, means, clipping, AdamW, validation, and what stops it. */
import { expect, test } from "vitest";
import { differentiate } from "../../../compiler/autodiff/differentiate.ts";
import { leafName } from "../../../compiler/ir/graph.ts";
import { sizesOf } from "../../../compiler/ir/types.ts";
import { type Tensor, tensor } from "../../../compiler/ops/tensor.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { fixedValidationWindows } from "../../../training/data/windows.ts";
import type { TrainSettings } from "../../../training/options.ts";
import { createRandom } from "../../../training/random.ts";
import { learningRate } from "../../../training/schedules/index.ts";
import type { Trainer } from "../../../training/trainer.ts";
import { rowOfId } from "../../../training/vocabulary.ts";
import { worstError } from "../../support/close.ts";
import { errorOf } from "../data/support.ts";
import { lossesOf, smallTrainer, tiny, toyData } from "./support.ts";

/** Factor of the learning rate, and weight decay. */
function groupOf(path: string, shape: readonly number[], s: TrainSettings) {
  if (path === "embed.weight") return { rate: s.lrEmbed, decay: s.wd * s.wdEmbed };
  return shape.length >= 2
    ? { rate: s.lrMatrix, decay: s.wd }
    : { rate: s.lrNorm, decay: s.wd * s.wdNorm };
}

/** What a weight changes by, per learning rate and without decay; `moments` are changed. */
function stepOf(
  { optimizer, beta1, beta2 }: TrainSettings,
  t: number,
  [m, v]: readonly [Float64Array, Float64Array],
  i: number,
  g: number,
): number {
  if (optimizer === "sgd") {
    m[i] = beta1 * m[i]! + g;
    return m[i]!;
  }
  if (optimizer === "lion") {
    const sign = Math.sign(beta1 * m[i]! + (1 - beta1) * g);
    m[i] = beta2 * m[i]! + (1 - beta2) * g;
    return sign;
  }
  m[i] = beta1 * m[i]! + (1 - beta1) * g;
  v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
  return m[i]! / (1 - beta1 ** t) / (Math.sqrt(v[i]! / (1 - beta2 ** t)) + 1e-8);
}

/** The same run in double precision, step by step as the equations say. */
function oracle(trainer: Trainer, settings: TrainSettings) {
  const { graph, S } = trainer.model;
  const gradients = differentiate(graph);
  const data = toyData();
  const rowOf = rowOfId(trainer.vocabulary)!;
  const params = new Map<string, Tensor>();
  for (const p of graph.params) {
    params.set(leafName(p), tensor(sizesOf(p.type.shape), trainer.param(leafName(p))));
  }
  const zero = () => new Map([...params].map(([k, t]) => [k, new Float64Array(t.data.length)]));
  const [m, v] = [zero(), zero()];
  const random = createRandom(settings.seed);
  const losses: number[] = [];
  const norms: number[] = [];
  const { steps, accum, clip } = settings;
  for (let step = 0, updates = 0; step < steps!; ) {
    const sum = zero();
    let count = 0;
    for (; count < accum && step < steps!; count++, step++) {
      const at = random.uniformIndex(data.trainTokens - S - 1);
      const window = (from: number) =>
        tensor([S], [...data.tokens.subarray(from, from + S)].map(rowOf));
      const values = new Map([...params, ["tokens", window(at)], ["targets", window(at + 1)]]);
      const outputs = interpret(gradients, values);
      losses.push(outputs.get("loss")!.data[0]!);
      for (const [path, total] of sum) {
        for (const [i, g] of outputs.get(`grad.${path}`)!.data.entries()) total[i] = total[i]! + g;
      }
    }
    for (const total of sum.values())
      for (let i = 0; i < total.length; i++) total[i] = total[i]! / count;
    const norm = Math.sqrt(
      [...sum.values()].reduce((n, g) => n + g.reduce((a, x) => a + x * x, 0), 0),
    );
    norms.push(norm);
    const shrink = clip > 0 && norm > clip ? clip / norm : 1;
    const lr = learningRate(updates, settings, Math.ceil(steps! / accum));
    updates += 1;
    for (const [path, g] of sum) {
      const { data: w, shape } = params.get(path)!;
      const { rate, decay } = groupOf(path, shape, settings);
      for (let i = 0; i < w.length; i++) {
        const change = stepOf(settings, updates, [m.get(path)!, v.get(path)!], i, g[i]! * shrink);
        w[i] = w[i]! - lr * rate * (change + decay * w[i]!);
      }
    }
  }
  return { params, losses, norms };
}

test.each<[string, Partial<TrainSettings>]>([
  ["clipped", { clip: 0.2 }],
  ["not clipped, strong decay", { clip: 0, wd: 5 }],
  ["other betas, groups of one", { accum: 1, steps: 6, beta1: 0.5, beta2: 0.7 }],
  ["sgd", { optimizer: "sgd", lr: 0.5, beta1: 0.8, wd: 0.3 }],
  ["sgd without momentum", { optimizer: "sgd", lr: 0.5, beta1: 0 }],
  ["lion", { optimizer: "lion", lr: 1e-3, wd: 2 }],
  ["rates and decay by group", { lrMatrix: 0.5, lrEmbed: 3, lrNorm: 2, wdEmbed: 0, wdNorm: 2 }],
  ["a group that stays as it is", { lrEmbed: 0, wd: 3 }],
  ["another schedule", { schedule: "wsd", minLr: 0, cooldown: 0.5, warmup: 1 }],
])("a run is what the equations say: %s", (_name, given) => {
  // 14 = 4 + 4 + 4 + 2: the last group is short, and divided by its own size.
  const trainer = smallTrainer({ steps: 14, accum: 4, lr: 1e-2, seed: 9, ...given });
  const expected = oracle(trainer, trainer.settings);
  const losses: number[] = [];
  const norms: number[] = [];
  while (!trainer.done) {
    const { loss, update } = trainer.step();
    losses.push(loss);
    if (update === undefined) continue;
    norms.push(update.gradNorm);
    const group = losses.slice(losses.length - update.microSteps);
    expect(update.loss).toBeCloseTo(group.reduce((a, b) => a + b, 0) / group.length, 12);
    expect(update.clipped).toBe(
      trainer.settings.clip > 0 && update.gradNorm > trainer.settings.clip,
    );
  }
  expect(
    worstError(tensor([losses.length], losses), tensor([losses.length], expected.losses)),
  ).toBeLessThan(1e-5);
  expect(
    worstError(tensor([norms.length], norms), tensor([norms.length], expected.norms)),
  ).toBeLessThan(1e-5);
  for (const [path, { shape, data }] of expected.params) {
    const found = tensor(shape, trainer.param(path));
    expect(worstError(found, { shape, data }), path).toBeLessThan(5e-5);
  }
});

test("two runs with one seed have identical losses and weights; another seed has others", () => {
  const [a, b, c] = [
    smallTrainer(),
    smallTrainer({}, { device: { threads: 2 } }),
    smallTrainer({ seed: 43 }),
  ];
  const losses = lossesOf(a);
  expect(lossesOf(b)).toEqual(losses);
  expect(lossesOf(c)).not.toEqual(losses);
  for (const param of a.model.graph.params) {
    expect(b.param(leafName(param))).toEqual(a.param(leafName(param)));
  }
});

test("it learns", () => {
  const trainer = smallTrainer({ steps: 400, accum: 4, lr: 1e-2, warmup: 10 });
  const before = trainer.validate();
  expect(before).toBeCloseTo(Math.log(31), 1);
  lossesOf(trainer);
  expect(trainer.validate()).toBeLessThan(before - 0.8);
});

test("validation windows are the same each time, whatever happens between", () => {
  const trainer = smallTrainer();
  const first = trainer.validate();
  expect(trainer.validate()).toBe(first);
  const other = smallTrainer({ seed: 1 });
  for (const param of trainer.model.graph.params) {
    other.param(leafName(param)).set(trainer.param(leafName(param)));
  }
  other.step();
  expect(other.validate()).toBe(first); // no update yet: the parameters are the same
  const data = toyData();
  const windows = fixedValidationWindows(data.valStart, data.valTokens, 8);
  expect(new Set(windows).size).toBeGreaterThan(5);
});

test("a validation changes nothing unless it is recorded", () => {
  const [a, b] = [smallTrainer(), smallTrainer()];
  const losses: number[] = [];
  while (!a.done) {
    losses.push(a.step().loss);
    a.validate();
  }
  expect(lossesOf(b)).toEqual(losses);
  expect(a.state).toEqual(b.state);
  const loss = a.validate({ record: true });
  expect(a.state.validation).toEqual({ last: { step: 20, loss }, best: { step: 20, loss } });
});

test("with --compat autoane the validation windows change and a short group counts as a full one", () => {
  const trainer = smallTrainer({ steps: 6, accum: 4, compat: "autoane", clip: 0 });
  const first = trainer.validate();
  trainer.step();
  expect(trainer.validate()).not.toBe(first);
  const plain = smallTrainer({ steps: 2, accum: 4 });
  const compat = smallTrainer({ steps: 2, accum: 4, compat: "autoane" });
  for (const param of plain.model.graph.params) {
    compat.param(leafName(param)).set(plain.param(leafName(param)));
  }
  const norms = [plain, compat].map((t) => [t.step(), t.step()][1]!.update!.gradNorm);
  expect(norms[1]! / norms[0]!).toBeCloseTo(2 / 4, 6);
});

test("bits per byte", () => {
  const trainer = smallTrainer();
  expect(trainer.bitsPerByte(Math.LN2)).toBeCloseTo(0.5, 12); // two bytes a token
  const data = { ...toyData(), bytesPerToken: undefined };
  expect(smallTrainer({}, { data }).bitsPerByte(1)).toBeUndefined();
});

test("a loss that is not a number stops the run and leaves the last update as it was", async () => {
  const trainer = smallTrainer();
  for (let i = 0; i < 6; i++) trainer.step();
  const before = trainer.param("block.0.ffn.w1").slice();
  const norm = trainer.param("norm.weight");
  const kept = norm[0]!;
  norm[0] = Number.NaN;
  expect(await errorOf(() => trainer.step())).toBe("E0902 the loss of step 7 is not a number");
  expect(trainer.param("block.0.ffn.w1")).toEqual(before);
  expect(trainer.state).toMatchObject({ step: 4, updates: 1, group: { count: 0, loss: 0 } });

  // Mended, it goes on as if the open group had never begun.
  norm[0] = kept;
  const whole = lossesOf(smallTrainer());
  expect(lossesOf(trainer)).toEqual(whole.slice(4));
});

test("a validation that is not a number", async () => {
  const trainer = smallTrainer();
  trainer.param("norm.weight")[0] = Number.NaN;
  expect(await errorOf(() => trainer.validate())).toBe(
    "E0902 the loss of the validation after step 0 is not a number",
  );
});

test("a gradient that is not finite is not applied", async () => {
  const text = `${tiny.text}
train steep(tokens: i32[S], targets: i32[S]) {
  param z: [D] init zeros
  loss cross_entropy(tiny(tokens), targets) + sum(sqrt(z))
}
`;
  const options = { source: { path: "steep.ane", text }, entry: "steep" };
  const trainer = smallTrainer({ accum: 2 }, options);
  const before = trainer.param("embed.weight").slice();
  trainer.step();
  expect(await errorOf(() => trainer.step())).toBe(
    "E0903 the gradient of update 1 has 16 elements that are not finite",
  );
  expect(trainer.param("embed.weight")).toEqual(before);
  expect(trainer.state).toMatchObject({ step: 0, updates: 0 });
});
