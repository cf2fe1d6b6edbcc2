/**
 * Steps of MeZO with `--compat autoane`, beside the same steps written out: the generator, the groups of four signs, the
 * order of the buffers and the moves there and back. Nothing of `training/mezo` has a part in the written form but the
 * value of the loss.
 */
import { expect, test } from "vitest";
import { isTrained, leafName } from "../../../../compiler/ir/graph.ts";
import { sizesOf } from "../../../../compiler/ir/types.ts";
import { ATTENTION_TARGETS, FEED_FORWARD_TARGETS, type Lora } from "../../../../passes/lora.ts";
import { stepWindow } from "../../../../training/data/windows.ts";
import { createRandom } from "../../../../training/random.ts";
import type { Trainer, TrainerOptions } from "../../../../training/trainer_types.ts";
import { SMALL, toyData } from "../support.ts";
import { copyOf, mezoTrainer } from "./support.ts";

const [SEED, STEPS, RATE, EPSILON] = [42, 4, 1e-2, 1e-3];

/** With odd sizes some buffers end within a group of four signs. */
const overrides = { ...SMALL, D: 15, F: 23 };

/** Buffers in AutoANE's order: of the whole run first, of each layer, of the whole run last. */
interface Order {
  readonly first: readonly string[];
  readonly layer: readonly string[];
}

const ATTENTION = ["attn.wq", "attn.wk", "attn.wv", "attn.wo"];
const FEED_FORWARD = ["ffn.w1", "ffn.w2", "ffn.w3"];
const NORMS = ["attn_norm.weight", "ffn_norm.weight"];
const pairs = (weights: readonly string[]): string[] =>
  weights.flatMap((w) => [`${w}.lora_a`, `${w}.lora_b`]);

const everything: Order = {
  first: ["embed.weight"],
  layer: [NORMS[0]!, ...ATTENTION, NORMS[1]!, ...FEED_FORWARD],
};
const lora: Lora = { rank: 3, scale: 1, targets: ATTENTION_TARGETS, norms: true };
const loraFfn: Lora = { ...lora, targets: [...ATTENTION_TARGETS, ...FEED_FORWARD_TARGETS] };

test.each<readonly [string, Order, Pick<TrainerOptions, "lora">]>([
  ["all parameters", everything, {}],
  ["adapters of attention", { first: [], layer: [...pairs(ATTENTION), ...NORMS] }, { lora }],
  [
    "adapters that are added to their weights",
    { first: [], layer: [...pairs(ATTENTION), ...NORMS] },
    { lora: { ...lora, form: "merged" } },
  ],
  [
    "adapters of attention and of the feed-forward layers",
    { first: [], layer: [...pairs(ATTENTION), ...pairs(FEED_FORWARD), ...NORMS] },
    { lora: loraFfn },
  ],
])(
  "%s: the losses of a step are those of the parameters moved there and back by hand",
  (_, order, adapters) => {
    const more = { overrides, ...adapters };
    const [trainer, other] = [start(more), start(more)];
    const paths = pathsOf(order);
    const trained = trainer.model.graph.params.filter(isTrained).map(leafName);
    expect([...paths].sort()).toEqual([...trained].sort());
    for (let step = 0; step < STEPS; step++) {
      const before = copyOf(trainer);
      const { loss, update } = trainer.step();
      const lr = step === 0 ? RATE : rateAt(step - 1);
      // Every weight goes this far, and a wrong sign would be seen in twice of it.
      expect(lr * update!.gradNorm).toBeGreaterThan(1e-5);
      const byHand = oneStepByHand(other, { paths, step, lr, more });
      expect(Math.abs(loss - byHand)).toBeLessThan(1e-6);
      for (const [path, values] of copyOf(trainer)) {
        if (paths.includes(path))
          expect(worstOf(values, other.param(path)), path).toBeLessThan(1e-6);
        else expect(values, path).toEqual(before.get(path));
      }
    }
  },
);

/** A run whose adapters all add something: at zero, the signs of half of them would not be seen in a loss. */
function start(more: Partial<TrainerOptions>): Trainer {
  const settings = {
    compat: "autoane",
    compact: false,
    seed: SEED,
    lr: RATE,
    steps: STEPS,
  } as const;
  const trainer = mezoTrainer({ epsilon: EPSILON }, settings, more);
  const random = createRandom(7);
  for (const path of trainer.model.graph.params.map(leafName)) {
    if (path.endsWith(".lora_b")) random.fillUniform(trainer.param(path), 0.3);
  }
  return trainer;
}

function pathsOf({ first, layer }: Order): string[] {
  const layers = Array.from({ length: SMALL.L }, (_, l) =>
    layer.map((name) => `block.${l}.${name}`),
  );
  return [...first, ...layers.flat(), "norm.weight"];
}

/** Half a cosine from the rate to a tenth. */
function rateAt(at: number): number {
  return RATE / 10 + 0.5 * (1 + Math.cos((Math.PI * at) / STEPS)) * (RATE - RATE / 10);
}

function worstOf(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0);
}

interface ByHand {
  readonly paths: readonly string[];
  readonly step: number;
  readonly lr: number;
  readonly more: Partial<TrainerOptions>;
}

/** One step of AutoANE on the parameters of a run; the mean of its two losses. */
function oneStepByHand(trainer: Trainer, { paths, step, lr, more }: ByHand): number {
  const shapes = new Map(
    trainer.model.graph.params.map((p) => [leafName(p), sizesOf(p.type.shape)]),
  );
  const move = (scale: number): void => {
    const next = xoshiro(BigInt(step) * 1_000_003n + BigInt(SEED));
    for (const path of paths) {
      const values = trainer.param(path);
      const [rows, columns = 0] = shapes.get(path)!;
      // Theirs are [outputs, inputs]: W, A as [rank, inputs], B as [outputs, rank]. The table has a row for each id.
      const isTransposed = columns > 0 && path !== "embed.weight";
      const theirs = isTransposed ? transposed(values, rows!, columns) : values;
      moveBuffer(theirs, scale, next);
      if (isTransposed) values.set(transposed(theirs, columns, rows!));
    }
  };
  move(EPSILON);
  const plus = lossAt(trainer, step, more);
  move(-2 * EPSILON);
  const minus = lossAt(trainer, step, more);
  move(EPSILON);
  move((-lr * (plus - minus)) / (2 * EPSILON));
  return (plus + minus) / 2;
}

/** xoshiro256+, its four words from splitmix64 of the seed. */
function xoshiro(seed: bigint): () => bigint {
  const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
  let x = seed;
  const s = [0, 1, 2, 3].map(() => {
    x = u64(x + 0x9e3779b97f4a7c15n);
    let z = u64((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }) as [bigint, bigint, bigint, bigint];
  return () => {
    const result = u64(s[0] + s[3]);
    const t = u64(s[1] << 17n);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = u64((s[3] << 45n) | (s[3] >> 19n));
    return result;
  };
}

/** Four elements take bits 0 to 3 of one word; each of those at the end bit 0 of one of its own. */
function moveBuffer(values: Float32Array, scale: number, next: () => bigint): void {
  let i = 0;
  const move = (isPlus: boolean): void => {
    values[i] = values[i]! + Math.fround(isPlus ? scale : -scale);
    i++;
  };
  while (i + 4 <= values.length) {
    const word = next();
    for (const k of [0n, 1n, 2n, 3n]) move(((word >> k) & 1n) === 1n);
  }
  while (i < values.length) move((next() & 1n) === 1n);
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c]!;
  return result;
}

/** The loss of a step's window, by a model that is evaluated in another session. */
function lossAt(trainer: Trainer, step: number, more: Partial<TrainerOptions>): number {
  const data = toyData();
  const position = stepWindow(SEED, step, data.trainTokens, trainer.model.S);
  // Ten windows that are all the same one: there is no room for another.
  const tokens = data.tokens.slice(position, position + trainer.model.S + 2);
  const only = { ...data, tokens, valStart: 0, valTokens: tokens.length };
  const twin = mezoTrainer({}, { compact: false, compat: "autoane" }, { ...more, data: only });
  for (const [path, values] of copyOf(trainer)) twin.param(path).set(values);
  return twin.validate();
}
