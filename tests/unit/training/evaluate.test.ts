/** The loss of checkpoints on text: as training says it, and token by token. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { type Checkpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import type { TokenData } from "../../../training/data/token_file.ts";
import { loadTokenizer } from "../../../training/data/tokenizers.ts";
import { fixedValidationWindows } from "../../../training/data/windows.ts";
import { createDecoder, type Decoder } from "../../../training/decoder.ts";
import { evaluate } from "../../../training/evaluate.ts";
import { rowOfId } from "../../../training/vocabulary.ts";
import { newFolder } from "../formats/hf_models.ts";
import { closing, lossesOf, SMALL, smallTrainer, toyData, VOCABULARY } from "./support.ts";

const device = { threads: 1 };
const { S } = SMALL;

function trained(compact: boolean) {
  const trainer = smallTrainer({ compact, steps: 8 });
  lossesOf(trainer);
  const path = join(newFolder(), "trained.ckpt");
  trainer.save(path);
  return { trainer, checkpoint: readCheckpoint(path) };
}

/** A token at a time, with a decoder that is opened once for each checkpoint. */
const decoders = new WeakMap<Checkpoint, Decoder>();

function decoderOf(checkpoint: Checkpoint): Decoder {
  const known = decoders.get(checkpoint);
  if (known !== undefined) return known;
  const decoder = closing(createDecoder(checkpoint, { device }));
  decoders.set(checkpoint, decoder);
  return decoder;
}

/** −log p of each token of [begin + 1, end), predicted from at most S tokens from `begin` of its window on. */
function lossOf(checkpoint: Checkpoint, data: TokenData, begin: number, end: number): number[] {
  const decoder = decoderOf(checkpoint);
  decoder.reset();
  const row = rowOfId(checkpoint.vocabulary) ?? ((id: number) => id);
  const losses: number[] = [];
  for (let at = begin; at < end - 1; at++) {
    const logits = Float64Array.from(
      decoder.feed([row(data.tokens[at]!)]).subarray(0, decoder.rows),
    );
    const top = Math.max(...logits);
    const sum = logits.reduce((total, z) => total + Math.exp(z - top), 0);
    losses.push(Math.log(sum) + top - logits[row(data.tokens[at + 1]!)]!);
  }
  return losses;
}

const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;

test.each([true, false])(
  "fixed windows give the validation of the trainer (compact: %s)",
  async (compact) => {
    const { trainer, checkpoint } = trained(compact);
    const result = await evaluate(checkpoint, { data: toyData(), device });
    expect(result.loss).toBe(trainer.validate());
    expect(result.bitsPerByte).toBe(trainer.bitsPerByte(result.loss));
    expect(result).toMatchObject({ tokens: 10 * S, windows: 10, S, isInterrupted: false });
    expect(result.perplexity).toBeCloseTo(Math.exp(result.loss));
  },
);

test("a whole file counts every token but the first once", async () => {
  const { checkpoint } = trained(true);
  const data = toyData(200);
  const windows: [number, number][] = [];
  for (let at = 0; at + S < 200; at += S) windows.push([at, at + S + 1]);
  const losses = windows.flatMap(([from, to]) => lossOf(checkpoint, data, from, to));
  // The last window ends with the file; of its tokens only those that are left count.
  const left = 199 - losses.length;
  if (left > 0) losses.push(...lossOf(checkpoint, data, 199 - S, 200).slice(-left));
  const result = await evaluate(checkpoint, { data, windows: "all", device });
  expect(result.tokens).toBe(199);
  expect(result.loss).toBeCloseTo(mean(losses), 5);
});

test("the token that ends the last document does not count, those between documents do", async () => {
  const { checkpoint } = trained(false);
  const [before, tokenizer] = [toyData(60), await loadTokenizer("bytes")];
  const ends = { ...tokenizer, endOfText: before.tokens[20]! };
  const tokens = Uint16Array.from([...before.tokens, ends.endOfText]);
  const after = { ...before, tokens, valTokens: before.valTokens + 1 };
  for (const windows of ["all", "val"] as const) {
    const [own, ended] = await Promise.all(
      [before, after].map((data) =>
        evaluate(checkpoint, { data, windows, tokenizer: ends, device }),
      ),
    );
    expect(ended).toEqual({ ...own, bitsPerByte: ended!.bitsPerByte });
  }
  const unknown = await evaluate(checkpoint, { data: after, windows: "all", device });
  expect(unknown.tokens).toBe(60);
});

test("with a stride, each token counts once, with the tokens before it in its window", async () => {
  const { checkpoint } = trained(false);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 28 }),
      fc.integer({ min: 1, max: S }),
      async (count, stride) => {
        const data = toyData(count);
        const targets = count - 1;
        const losses: number[] = lossOf(checkpoint, data, 0, Math.min(count, S + 1));
        while (losses.length < targets) {
          const step = Math.min(stride, targets - losses.length);
          const end = losses.length + step + 1;
          losses.push(...lossOf(checkpoint, data, end - S - 1, end).slice(-step));
        }
        const result = await evaluate(checkpoint, { data, windows: "all", stride, device });
        expect(result.tokens).toBe(targets);
        expect(result.loss).toBeCloseTo(mean(losses), 5);
      },
    ),
    { numRuns: 6 },
  );
});

test("longer windows are those of the same model", async () => {
  const { checkpoint } = trained(false);
  const data = toyData(300);
  const result = await evaluate(checkpoint, { data, windows: "val", S: 29, device });
  const long = {
    ...checkpoint,
    origin: { name: "toy", context: 40, training: null, tokenizer: null },
  };
  expect(result).toMatchObject({ S: 29, tokens: 29, windows: 1 });
  expect(result.loss).toBeCloseTo(mean(lossOf(long, data, 270, 300)), 5);
});

test("tokens whose ids training never saw are counted, where the checkpoint tells them", async () => {
  const data = toyData();
  const compacted = trained(true).checkpoint;
  const never = [...data.tokens.subarray(1)].filter((id) => id >= VOCABULARY - 10).length;
  const all = await evaluate(compacted, { data, windows: "all", device });
  expect(all).toMatchObject({ tokens: data.tokens.length - 1, unseen: never });
  const starts = fixedValidationWindows(data.valStart, data.valTokens, S);
  const fixed = starts.flatMap((at) => [...data.tokens.subarray(at + 1, at + 1 + S)]);
  expect((await evaluate(compacted, { data, device })).unseen).toBe(
    fixed.filter((id) => id >= VOCABULARY - 10).length,
  );
  const seen = { ...data, tokens: data.tokens.map((id) => id % (VOCABULARY - 10)) };
  expect((await evaluate(compacted, { data: seen, device })).unseen).toBe(0);
  const whole = trained(false).checkpoint;
  expect((await evaluate(whole, { data, device })).unseen).toBeUndefined();
});

test("bits per byte are those of the tokens that were counted", async () => {
  const { checkpoint } = trained(false);
  const tokenizer = await loadTokenizer("bytes");
  const data = { ...toyData(100), tokenizer: "bytes", bytesPerToken: 5 };
  const own = { ...checkpoint, data: { ...checkpoint.data, tokenizer: "bytes" } };
  const { loss, bitsPerByte } = await evaluate(own, { data, windows: "all", tokenizer, device });
  expect(bitsPerByte).toBeCloseTo(loss / Math.LN2);
});

test("data of another tokenizer, ids beyond the vocabulary and a bad stride are refused", async () => {
  const { checkpoint } = trained(true);
  const data = toyData();
  const codeOf = async (work: Promise<unknown>) =>
    work.then(
      () => "none",
      (error: unknown) => (error instanceof UserError ? error.diagnostics[0]!.code : String(error)),
    );
  const other = { ...data, tokenizer: "gpt2" };
  expect(await codeOf(evaluate(checkpoint, { data: other, device }))).toBe("E0832");
  const beyond = { ...data, tokens: Uint16Array.from(data.tokens, (id) => id + 1) };
  expect(await codeOf(evaluate(checkpoint, { data: beyond, device }))).toBe("E0805");
  expect(await codeOf(evaluate(checkpoint, { data, stride: 99, device }))).toBe("E0901");
});

test("it ends when it is asked to, with what it has", async () => {
  const { checkpoint } = trained(false);
  const interrupt = new AbortController();
  const onProgress = (done: number): void => {
    if (done === 3) interrupt.abort();
  };
  const { signal } = interrupt;
  const result = await evaluate(checkpoint, {
    data: toyData(),
    windows: "all",
    onProgress,
    signal,
    device,
  });
  expect(result).toMatchObject({ windows: 3, isInterrupted: true });
});
