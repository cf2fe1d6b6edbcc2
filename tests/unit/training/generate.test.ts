/** Writing text with a trained model. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { type Checkpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import { openData } from "../../../training/data/open_data.ts";
import type { TokenData } from "../../../training/data/token_file.ts";
import { createDecoder, type DecoderOptions } from "../../../training/decoder.ts";
import {
  createGenerator,
  type GenerateEnd,
  type IdOptions,
  type TextGenerator,
} from "../../../training/generate.ts";
import { createTrainer, type TrainerOptions } from "../../../training/trainer.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, lossesOf, SMALL, smallOptions, smallTrainer, tiny, toyData } from "./support.ts";

/** A checkpoint of a small model with random weights, large enough that the text varies. */
function checkpointOf(seed: number, more: Partial<TrainerOptions> = {}): Checkpoint {
  const path = join(testFolder(), "a.ckpt");
  const trainer = createTrainer(smallOptions({ seed }, more));
  for (const name of trainer.model.graph.params.map(leafName)) {
    const factor = name.includes("norm") ? 1 : name.startsWith("block.") ? 6 : 50;
    const values = trainer.param(name);
    values.set(values.map((x) => x * factor));
  }
  trainer.save(path);
  trainer.close();
  return readCheckpoint(path);
}

const generatorOf = async (
  checkpoint: Checkpoint,
  options: DecoderOptions = {},
): Promise<TextGenerator> =>
  closing(await createGenerator(checkpoint, { device: { threads: 1 }, ...options }));

function idsOf(
  generator: TextGenerator,
  prompt: readonly number[],
  options: IdOptions,
): [number[], GenerateEnd] {
  const steps = generator.ids(prompt, options);
  const ids: number[] = [];
  for (;;) {
    const next = steps.next();
    if (next.done === true) return [ids, next.value];
    ids.push(next.value);
  }
}

test("with caches and without, greedy text is the same token by token", async () => {
  for (const seed of [1, 2, 3]) {
    const checkpoint = checkpointOf(seed, { overrides: { ...SMALL, S: 40 } });
    const [fast, slow] = [
      await generatorOf(checkpoint),
      await generatorOf(checkpoint, { cache: false }),
    ];
    expect(fast.decoder.refused).toBeUndefined();
    expect(slow.decoder.refused).toBe("it was asked to run without one");
    for (const length of [1, 5, 16, 17, 39, 40, 60]) {
      const prompt = Array.from({ length }, (_, i) => (i * i + seed) % 40);
      const options = { tokens: 70, temperature: 0 }; // beyond the context of 40, so that it refills
      const [ids] = idsOf(fast, prompt, options);
      expect(new Set(ids).size).toBeGreaterThan(2);
      expect(idsOf(slow, prompt, options)[0]).toEqual(ids);
    }
  }
});

test("logits of both ways agree for any split of the tokens", () => {
  const checkpoint = checkpointOf(5, { overrides: { ...SMALL, S: 48 } });
  const device = { threads: 1 };
  const fast = closing(createDecoder(checkpoint, { device }));
  const slow = closing(createDecoder(checkpoint, { device, cache: false }));
  const parts = fc.array(fc.array(fc.nat(30), { minLength: 1, maxLength: 24 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(parts, (fed) => {
      fc.pre(fed.flat().length <= 48);
      for (const decoder of [fast, slow]) decoder.reset();
      for (const part of fed) {
        const [a, b] = [fast.feed(part), slow.feed(part)];
        expect(a.length).toBe(31);
        for (const [i, z] of a.entries())
          expect(Math.abs(z - b[i]!)).toBeLessThan(1e-3 * (1 + Math.abs(z)));
      }
    }),
    { numRuns: 40 },
  );
});

test("a context of its own, longer or shorter than the sequence", async () => {
  const checkpoint = checkpointOf(1);
  const long = await generatorOf(checkpoint, { context: 64 });
  expect(idsOf(long, [1, 2, 3], { tokens: 100, temperature: 0 })[0].length).toBe(100);
  const short = await generatorOf(checkpoint, { context: 1 });
  expect(idsOf(short, [1, 2, 3], { tokens: 5 })[0].length).toBe(5);
  expect(await errorOf(() => generatorOf(checkpoint, { context: 9, cache: false }))).toBe(
    "E0914 a context of 9 is longer than the sequence of 8",
  );
  expect(await errorOf(() => generatorOf(checkpoint, { context: 0 }))).toBe(
    "E0901 `--context` is 0, but it must be a whole number from 1 to 1048576",
  );
});

const MIXER = `dims S = 8, D = 4, V = 9
/// Looks at the mean of all tokens, so it cannot be cut into tokens.
model mixer(tokens: i32[S]) -> [S, V] {
  x = embed(tokens)
  m = mean(x, axis: 0)
  return (x + m) @ embed.weight'
}
train mixer(tokens: i32[S], targets: i32[S]) { loss cross_entropy(mixer(tokens), targets) }
`;

test("a model that cannot be cut into tokens runs whole", async () => {
  const source = { path: "mixer.ane", text: MIXER };
  const generator = await generatorOf(checkpointOf(1, { source, overrides: {} }));
  expect(generator.decoder.refused).toMatch(/combines different tokens$/);
  expect(idsOf(generator, [1, 2], { tokens: 20 })[0].length).toBe(20);
});

test("a seed repeats, another differs, and stop ids end the text", async () => {
  const generator = await generatorOf(checkpointOf(1));
  const run = (options: Partial<IdOptions>) =>
    idsOf(generator, [3], { tokens: 30, temperature: 1, ...options });
  const [ids, end] = run({ seed: 5 });
  expect(end).toBe("tokens");
  expect(run({ seed: 5 })[0]).toEqual(ids);
  expect(run({ seed: 6 })[0]).not.toEqual(ids);
  const at = ids.findIndex((id) => id !== ids[0]);
  expect(run({ seed: 5, stopIds: [ids[at]!] })).toEqual([ids.slice(0, at), "stop"]);
});

test("ids are those of the tokenizer, and the spare row is never written", async () => {
  // Training sees only the even ids from 10 to 48.
  const tokens = Uint16Array.from({ length: 2000 }, (_, i) => 10 + 2 * ((i * 7) % 20));
  const data: TokenData = { ...toyData(), tokens, vocabulary: 60 };
  const checkpoint = checkpointOf(2, { data });
  expect(checkpoint.vocabulary).toMatchObject({ full: 60, size: 21 });
  const generator = await generatorOf(checkpoint);
  // 11 was never seen: it reads the spare row.
  const [ids] = idsOf(generator, [11, 12], { tokens: 400, temperature: 50 });
  expect(new Set(ids)).toEqual(new Set(tokens));
  expect(idsOf(generator, [13, 12], { tokens: 9 })).toEqual(
    idsOf(generator, [11, 12], { tokens: 9 }),
  );
});

test("an id that has no row", async () => {
  const checkpoint = checkpointOf(1, {
    data: { ...toyData(), tokens: toyData().tokens.map((t) => t % 4), vocabulary: 4 },
  });
  expect(checkpoint.vocabulary.active).toBe(null);
  const generator = await generatorOf(checkpoint);
  expect(await errorOf(() => idsOf(generator, [4], { tokens: 1 }))).toBe(
    "E0913 token 4 of the prompt is beyond the vocabulary of 4",
  );
});

const storyTrainer = async (settings: object = {}) => {
  const data = await openData("builtin:stories");
  const overrides = { S: 16, D: 32, H: 2, K: 1, E: 16, F: 48, L: 1 };
  return smallTrainer(
    { steps: 200, accum: 2, lr: 2e-2, ...settings },
    { data, overrides, dataName: "builtin:stories" },
  );
};

test("text: streamed in pieces that join to the whole, stopped at a text", async () => {
  const trainer = await storyTrainer();
  lossesOf(trainer);
  const path = join(testFolder(), "a.ckpt");
  trainer.save(path);
  const generator = await generatorOf(readCheckpoint(path));
  const pieces: string[] = [];
  const options = { tokens: 60, temperature: 0.7, seed: 1 };
  const full = await generator.text("One sunny day", { ...options, onText: (t) => pieces.push(t) });
  expect(pieces.join("")).toBe(full.text);
  expect(pieces.length).toBeGreaterThan(10);
  expect(generator.tokenizer!.decode(full.ids)).toBe(full.text);

  const stop = full.text.slice(20, 25);
  const cut: string[] = [];
  const stopped = await generator.text("One sunny day", {
    ...options,
    stop: [stop],
    onText: (t) => cut.push(t),
  });
  expect(stopped).toMatchObject({ end: "stop", text: full.text.slice(0, full.text.indexOf(stop)) });
  expect(cut.join("")).toBe(stopped.text);
  const never = await generator.text("One sunny day", {
    ...options,
    stop: [`${full.text} and more`],
  });
  expect(never).toEqual(full);

  const control = new AbortController();
  const broken = await generator.text("One", {
    ...options,
    signal: control.signal,
    onText: () => control.abort(),
  });
  expect(broken.end).toBe("interrupted");
  expect(broken.ids.length).toBeLessThan(60);
  expect((await generator.text("", options)).ids.length).toBeGreaterThan(0); // starts behind an end of text
  expect(await generator.text("One", { tokens: 0 })).toMatchObject({
    ...{ text: "", ids: [], end: "tokens" },
    prompt: { unseen: 0 },
  });
});

test("the end of a text ends it", async () => {
  const trainer = await storyTrainer();
  const tokenizer = await generatorOfTrainer(trainer);
  expect(tokenizer.end).toBe("end of text");
  expect(tokenizer.ids).toEqual([]);
});

/** A model whose next token is always the end of text. */
async function generatorOfTrainer(trainer: Awaited<ReturnType<typeof storyTrainer>>) {
  const { active } = trainer.vocabulary;
  const row = active!.indexOf(727);
  const table = trainer.param("embed.weight");
  const D = 32;
  table.fill(0.01).fill(1, row * D, (row + 1) * D);
  trainer.param("norm.weight").fill(1);
  const path = join(testFolder(), "a.ckpt");
  trainer.save(path);
  const generator = await generatorOf(readCheckpoint(path));
  expect(generator.tokenizer!.endOfText).toBe(727);
  return generator.text("One", { tokens: 5, temperature: 0 });
}

test("text needs a tokenizer, and something to start with", async () => {
  const checkpoint = checkpointOf(1);
  const generator = await generatorOf(checkpoint);
  const text = async () =>
    (await errorOf(() => generator.text("x", { tokens: 1 }))).replace(checkpoint.path, "a.ckpt");
  expect(await text()).toBe(
    "E0911 `a.ckpt` was trained with the tokenizer `toy`, which this anec does not have",
  );
  const { tokenizer: _, ...bare } = toyData();
  const unknown = checkpointOf(1, { data: { ...bare, tokenizer: undefined } });
  expect(await errorOf(async () => (await generatorOf(unknown)).text("x", { tokens: 1 }))).toBe(
    `E0911 \`${unknown.path}\` was trained on tokens of an unknown tokenizer`,
  );
  const bytes = checkpointOf(1, { data: { ...toyData(), tokenizer: "bytes", vocabulary: 256 } });
  expect(await errorOf(async () => (await generatorOf(bytes)).text("", { tokens: 1 }))).toBe(
    "E0912 the prompt is empty, and the tokenizer `bytes` has no token to start with",
  );
});

test("a checkpoint without a model that gives logits", async () => {
  const text = `dims S = 8, D = 4, V = 9
train t(tokens: i32[S], targets: i32[S]) {
  param w: [V, D]
  loss cross_entropy(embedding(w, tokens) @ w', targets)
}
`;
  const checkpoint = checkpointOf(1, { source: { path: "t.ane", text }, overrides: {} });
  expect(await errorOf(() => generatorOf(checkpoint))).toBe(
    "E0910 this checkpoint cannot generate text: it has no `model`",
  );
});

test("bad options", async () => {
  const generator = await generatorOf(checkpointOf(1));
  const run = (options: Partial<IdOptions>) =>
    errorOf(() => idsOf(generator, [1], { tokens: 1, ...options }));
  expect(await run({ tokens: -1 })).toBe(
    "E0901 `--tokens` is -1, but it must be a whole number from 0",
  );
  expect(await run({ seed: -1 })).toBe(
    "E0901 `--seed` is -1, but it must be a whole number from 0 to 4294967295",
  );
  expect(await run({ topP: 2 })).toBe("E0901 `--top-p` is 2, but it must be a number from 0 to 1");
});

test("the tiny model of the library decodes with caches", () => {
  const checkpoint = checkpointOf(1, { overrides: {}, source: tiny });
  expect(closing(createDecoder(checkpoint, { device: { threads: 1 } }))).toMatchObject({
    context: 32,
    rows: 31,
    refused: undefined,
  });
});
