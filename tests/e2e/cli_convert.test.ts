/** `anec convert`, `eval` and `generate` on models of other programs. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writeHf } from "../../formats/hf.ts";
import { parseTokenizerJson } from "../../formats/tokenizer_json.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const json = readFileSync(new URL("../unit/formats/tokenizers/qwen.json", import.meta.url), "utf8");
const tokenizer = parseTokenizerJson(json, { path: "qwen.json" });

/** A model of Hugging Face called `model`, with a tokenizer and random weights, and a text. */
function newModel(): void {
  inNewFolder();
  const data = { json, bos: null, eos: tokenizer.endOfText ?? null };
  writeHf("model", randomWeights(smallConfig, 7, data));
  const text = "The people of the United States, in order to form a more perfect union.\n";
  writeFileSync("text.txt", text.repeat(60));
}

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await anec(argv);
  expect(err.replace(/^(turning|counting).*\n/gm, "")).toBe("");
  expect(code).toBe(0);
  return out;
}

const generate = (model: string) =>
  ok("generate", model, "--prompt", "The people", "--tokens", "12", "--temperature", "0", "--json");

const evaluate = (model: string, ...more: string[]) =>
  ok("eval", model, "--data", "text.txt", "--json", "--threads", "1", ...more);

/** What is the same whatever the file is called and however fast it went. */
function contentOf(out: string): unknown {
  const { model: _, tokensPerSecond: __, ...rest } = JSON.parse(out) as Record<string, unknown>;
  return rest;
}

test("a model writes the same text in every format that holds its tokenizer", async () => {
  newModel();
  const text = contentOf(await generate("model"));
  expect(text).toMatchObject({ prompt: "The people", tokens: 12 });
  for (const output of ["model.ckpt", "model.gguf", "copy"]) {
    await ok("convert", "model", output);
    expect(contentOf(await generate(output))).toEqual(text);
  }
});

test("its loss on a text is the same too, and it is read with its own tokenizer", async () => {
  newModel();
  const own = contentOf(await evaluate("model"));
  const ids = tokenizer.encode(readFileSync("text.txt", "utf8"));
  expect(own).toMatchObject({ kind: "fixed", windows: 10, S: 64, tokens: 640 });
  const all = contentOf(await evaluate("model", "--windows", "all")) as Record<string, number>;
  expect(all["tokens"]).toBe(ids.length - 1);
  await ok("convert", "model", "model.ckpt");
  expect(contentOf(await evaluate("model.ckpt"))).toEqual(own);
  expect(await ok("eval", "model", "--data", "text.txt")).toMatch(/bits per byte {2}\d\.\d{4}\n$/);
});

test("a token file of another tokenizer is refused, a fitting one is not", async () => {
  newModel();
  writeFileSync("tokenizer.json", json);
  await ok("data", "prepare", "text.txt", "--out", "own", "--tokenizer", "tokenizer.json");
  await ok("data", "prepare", "text.txt", "--out", "other", "--tokenizer", "bytes");
  await ok("eval", "model", "--data", "own.bin");
  const { code, err } = await anec(["eval", "model", "--data", "other.bin"]);
  expect(err).toMatch(/^error\[E0832\]: `other.bin` was made with the tokenizer `bytes`/);
  expect(code).toBe(1);
});

test("a model without a tokenizer says so, and takes one", async () => {
  inNewFolder();
  writeHf("model", randomWeights(smallConfig, 7));
  writeFileSync("tokenizer.json", json);
  expect((await anec(["generate", "model", "--prompt", "a"])).err).toMatch(/^error\[E0911\]/);
  const more = ["--prompt", "The people", "--tokens", "3", "--tokenizer", "tokenizer.json"];
  expect((await anec(["generate", "model", ...more])).code).toBe(0);
});

test("what had to be assumed of a model is said wherever it is opened", async () => {
  newModel();
  await ok("convert", "model", "model.bin");
  rmSync("model.bin.json");
  writeFileSync("tokenizer.json", json);
  const tokenizer = ["--tokenizer", "tokenizer.json"];
  for (const command of [
    ["generate", "model.bin", "--prompt", "The people", "--tokens", "2", ...tokenizer],
    ["eval", "model.bin", "--data", "text.txt", ...tokenizer],
  ]) {
    const { code, err } = await anec(command);
    expect(err).toMatch(/^warning\[E0779\]/);
    expect(code).toBe(0);
    const told = await anec([...command, "--rope-theta", "10000", "--residual-scale", "1"]);
    expect(told.err).not.toContain("E0779");
  }
});

test("what a format cannot hold is said, and an output that is there stays", async () => {
  newModel();
  await ok("convert", "model", "model.ckpt");
  const refused = await anec(["convert", "model", "model.ckpt"]);
  expect(refused.err).toMatch(/^error\[E0749\]: `model.ckpt` is already there/);
  expect(refused.code).toBe(1);
  const scaled = randomWeights({ ...smallConfig, residualScale: 0.5 }, 7);
  const { anecFormat } = await import("../../training/anec_format.ts");
  anecFormat.write!("scaled.ckpt", scaled);
  const folded = await anec(["convert", "scaled.ckpt", "scaled", "--json"]);
  const { warnings } = JSON.parse(folded.out) as { warnings: { code: string }[] };
  expect(warnings.map((w) => w.code)).toEqual(["E0756"]);
  expect((await anec(["convert", "model", "out.onnx"])).err).toMatch(/^error\[E0741\]/);
  const typed = await anec(["convert", "model", "other", "--dtype", "q8_0"]);
  expect(typed.err).toMatch(/^error\[E0758\]: the format hf is not written in `q8_0`/);
  expect(existsSync("other")).toBe(false);
});

test("training begins with a model's weights and is resumed with its tokenizer", async () => {
  newModel();
  const text = ["--data", "text.txt", "--json", "--threads", "1"];
  const run = ["train", "--init", "model", ...text, "--steps", "4", "--accum", "2", "--no-compact"];
  const begun = await anec([...run, "--lr", "1e-9", "--warmup", "0", "--out", "run.ckpt"]);
  expect(begun.code).toBe(0);
  const lossIn = (out: string): number => (JSON.parse(out) as { loss: number }).loss;
  const before = lossIn(await evaluate("model"));
  expect(lossIn(await evaluate("run.ckpt"))).toBeCloseTo(before, 4);
  const resumed = await anec(["train", "--resume", "run.ckpt", "--json", "--steps", "6"]);
  expect(resumed.err).toBe("");
  expect(resumed.code).toBe(0);
  expect((await anec(["train", "--init", "model", "--resume", "run.ckpt"])).err).toContain(
    "--init",
  );
  expect(contentOf(await generate("run.ckpt"))).toMatchObject({ prompt: "The people" });
});
