/**
 * A published model on its way through every format: its losses are those of PyTorch, token by token, its text and
 * its logits are those of llama.cpp, and it learns with adapters and without gradients.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { convertModel } from "../../formats/convert.ts";
import { createDecoder } from "../../training/decoder.ts";
import { createGenerator } from "../../training/generate.ts";
import { openModel, tokenizerOf } from "../../training/open_model.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { findLlamaCpp, runInLlamaCpp } from "../e2e/llama_cpp_support.ts";
import { testFolder } from "../unit/data/support.ts";
import { findPretrained } from "./pretrained_support.ts";

const found = findPretrained();
const file = "file" in found ? found.file : "";
if ("missing" in found) console.warn(`no published model is tried: ${found.missing}`);
const llama = await findLlamaCpp();
const addon = "addon" in llama ? llama.addon : "";
const withModel = test.skipIf(file === "");
const timeout = 300_000;

/** Made by numerics/smollm2/make.py. */
const golden = join(import.meta.dirname, "..", "numerics", "smollm2");
const TEXT = join(golden, "text.txt");
const text = readFileSync(TEXT, "utf8");
const torch = JSON.parse(readFileSync(join(golden, "golden.json"), "utf8")) as {
  readonly ids: number[];
  /** −log p of each id but the first. */
  readonly losses: number[];
  /** Their mean in windows of 64. */
  readonly windows64: number;
};

const PROMPT = "The people of the United States";

async function json(...argv: string[]): Promise<Record<string, number | string>> {
  const { code, out, err } = await anec([...argv, "--json"]);
  expect(err.replace(/^(turning|counting|window).*\n/gm, "")).toBe("");
  expect(code).toBe(0);
  return JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, number | string>;
}

/** −log p of each id but the first, a token at a time. */
function lossesOf(path: string, ids: readonly number[]): number[] {
  const decoder = createDecoder(openModel(path), { context: ids.length });
  try {
    return ids.slice(1).map((next, i) => {
      const logits = decoder.feed([ids[i]!]).subarray(0, decoder.rows);
      const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
      const sum = logits.reduce((total, z) => total + Math.exp(z - top), 0);
      return Math.log(sum) + top - logits[next]!;
    });
  } finally {
    decoder.close();
  }
}

withModel("each token of a text has PyTorch's loss", { timeout }, async () => {
  const ids = (await tokenizerOf(openModel(file)))!.encode(text);
  expect(ids).toEqual(torch.ids);
  for (const [i, loss] of lossesOf(file, ids).entries()) {
    expect(Math.abs(loss - torch.losses[i]!), `token ${i + 1}`).toBeLessThan(1e-3);
  }
});

withModel(
  "`anec eval` says PyTorch's loss, before and after a way through every format",
  { timeout },
  async () => {
    const folder = inNewFolder();
    const at = (name: string): string => join(folder, name);
    copyFileSync(TEXT, at("text.txt"));
    convertModel(file, at("a.bin"));
    convertModel(at("a.bin"), at("hf"));
    convertModel(at("hf"), at("a.ckpt"));
    for (const path of [file, "a.ckpt"]) {
      const flags = ["--data", "text.txt", "--windows", "all", "--context", "64"];
      const result = await json("eval", path, ...flags);
      expect(result).toMatchObject({ tokens: torch.losses.length, windows: 2 });
      expect(result["loss"]).toBeCloseTo(torch.windows64, 4);
    }
  },
);

withModel(
  "it writes the text that llama.cpp writes, with the same logits",
  { timeout },
  async (context) => {
    context.skip(addon === "", "llama.cpp is not here");
    const path = join(testFolder(), "plain.gguf");
    convertModel(file, path, { dtype: "f32" });
    const generator = await createGenerator(openModel(path), { context: 64 });
    try {
      const prompt = generator.tokenizer!.encode(PROMPT);
      const run = runInLlamaCpp(addon, { file: path, prompt, count: 24, texts: [text] });
      expect(run.encoded[0]).toEqual(torch.ids);
      expect([...generator.ids(prompt, { tokens: 24, temperature: 0 })]).toEqual(run.ids);
      generator.decoder.reset();
      for (const [i, theirs] of run.logits.entries()) {
        const ours = generator.decoder.feed(i === 0 ? prompt : [run.ids[i - 1]!]);
        const off = ours.reduce((most, z, id) => Math.max(most, Math.abs(z - theirs[id]!)), 0);
        expect(off).toBeLessThan(1e-3);
      }
    } finally {
      generator.close();
    }
  },
);

withModel("it learns a text, with adapters and without gradients", { timeout }, async () => {
  inNewFolder();
  writeFileSync("once.txt", text);
  writeFileSync("often.txt", text.repeat(8));
  const loss = async (path: string): Promise<number> => {
    const flags = ["--data", "once.txt", "--windows", "all", "--context", "64"];
    return (await json("eval", path, ...flags))["loss"] as number;
  };
  const before = await loss(file);
  // With a row for every id, or the loss would be one over fewer ids.
  const data = ["--data", "often.txt", "-D", "S=64", "--no-compact", "--val-every", "0"];
  const train = ["train", "--init", file, ...data];
  const lora = ["--lora", "4", "--lr", "2e-3", "--accum", "1", "--warmup", "0", "--steps", "4"];
  await json(...train, ...lora, "--out", "lora.ckpt");
  expect(await loss("lora.ckpt")).toBeLessThan(before - 0.1);
  const mezo = ["--method", "mezo", "--eps", "1e-4", "--lr", "1e-6", "--steps", "2"];
  await json(...train, ...mezo, "--out", "mezo.ckpt");
  // Two steps are too few to learn much; a step that is far too large would ruin the model.
  const after = await loss("mezo.ckpt");
  expect(after).not.toBe(before);
  expect(Math.abs(after - before)).toBeLessThan(0.05);
});
