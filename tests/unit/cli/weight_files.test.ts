/** Weights where a text is wanted, and models of other programs behind `--values`: what the file is, and what to do. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../../formats/safetensors.ts";
import { fromFloat32 } from "../../../formats/tensor.ts";
import { anec, inNewFolder } from "../../e2e/cli_support.ts";

/** A checkpoint, the same as GGUF and as a folder, and tensors alone. */
let weights = "";
beforeAll(async () => {
  weights = mkdtempSync(join(tmpdir(), "anec-weights-"));
  const path = join(weights, "a.ckpt");
  const lines = [
    ["train", "--model", "tiny", "--data", "builtin:stories", "--steps", "1", "--out", path],
    ...["g.gguf", "hf"].map((output) => ["convert", path, join(weights, output), "--expand"]),
  ];
  for (const line of lines) {
    const { code, all } = await anec(line);
    expect(code, all).toBe(0);
  }
  const tensors = new Map([["w", fromFloat32([2], Float32Array.of(1, 2))]]);
  writeSafetensors(join(weights, "t.safetensors"), tensors);
});
afterAll(() => rmSync(weights, { recursive: true }));

function inFolderWithWeights(): void {
  cpSync(weights, inNewFolder(), { recursive: true });
}

test("the message, whole", async () => {
  inFolderWithWeights();
  const { code, out, err } = await anec(["compile", "a.ckpt"]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatchInlineSnapshot(`
    "error[E0835]: \`a.ckpt\` holds weights, not the text of a model

      format anec: a checkpoint of \`anec train\` (.ckpt)
      help: compile them into a model: \`anec compile MODEL --weights baked --values a.ckpt\`
      help: see the model of these weights: \`anec report a.ckpt\`

      \`anec explain E0835\` says more
    "
  `);
  expect((await anec(["cost", "g.gguf"])).err).toMatchInlineSnapshot(`
    "error[E0835]: \`g.gguf\` holds weights, not the text of a model

      format GGUF of llama.cpp: one file with F32, F16, BF16 or Q8_0 weights (Q4_0 and Q4_1 are read)
      help: make a checkpoint of them (\`anec convert g.gguf NAME.ckpt\`), and compile that into a model: \`anec compile MODEL --weights baked --values NAME.ckpt\`
      help: see the model of these weights: \`anec report g.gguf\`

      \`anec explain E0835\` says more
    "
  `);
  expect((await anec(["check", "t.safetensors"])).err).toMatchInlineSnapshot(`
    "error[E0835]: \`t.safetensors\` holds weights, not the text of a model

      format safetensors: tensors by name, without a model
      help: compile them into a model: \`anec compile MODEL --weights baked --values t.safetensors\`
    "
  `);
});

const LINES = [
  "compile",
  "cost",
  "fmt",
  "mil check",
  "mil stats",
  "train --data builtin:stories --model",
  "search --data builtin:stories --model",
  "bench step --model",
  "run --inputs t.safetensors --outputs o.safetensors",
];

test.each(LINES)("%s says what the file is", async (line) => {
  inFolderWithWeights();
  for (const [path, format] of [
    ["a.ckpt", "a checkpoint of"],
    ["g.gguf", "GGUF of llama.cpp"],
    ["hf", "Hugging Face"],
    ["./hf", "Hugging Face"],
    ["t.safetensors", "safetensors: tensors by name"],
  ] as const) {
    const { code, all } = await anec([...line.split(" "), path]);
    expect(all, `${line} ${path}`).toContain("E0835");
    expect(all).toContain(`\`${path}\` holds weights`);
    expect(all).toContain(format);
    expect(code).toBe(1);
  }
});

test("a name of a model that comes with anec is that model, whatever is in the folder", async () => {
  inFolderWithWeights();
  mkdirSync("tiny");
  writeFileSync("tiny/config.json", "{}");
  expect((await anec(["compile", "tiny", "--print", "params"])).code).toBe(0);
});

test("other files that are no text are said to be none", async () => {
  inNewFolder();
  writeFileSync("x.ane", Uint8Array.of(1, 2, 0, 255));
  expect((await anec(["compile", "x.ane"])).err).toContain("E0115");
});

test("--values takes no model of another program, and says how to make a checkpoint of it", async () => {
  inFolderWithWeights();
  const packaged = ["compile", "tiny", "--emit", "mlpackage", "--values"];
  const baked = ["compile", "tiny", "--weights", "baked", "--print", "schedule", "--values"];
  for (const [path, format] of [
    ["g.gguf", "GGUF of llama.cpp"],
    ["hf", "Hugging Face"],
  ] as const) {
    for (const line of [packaged, baked]) {
      const { code, err } = await anec([...line, path]);
      expect(code).toBe(1);
      expect(err).toContain(
        `error[E0836]: \`--values\` takes a checkpoint or a safetensors file, not \`${path}\``,
      );
      expect(err).toContain(format);
      expect(err).toContain(`anec convert ${path} NAME.ckpt`);
    }
  }
  // What the messages propose works.
  expect((await anec(["convert", "g.gguf", "c.ckpt"])).code).toBe(0);
  for (const path of ["a.ckpt", "c.ckpt"])
    expect((await anec([...packaged, path, "--out", `${path}.mlpackage`])).code).toBe(0);
  expect((await anec(["report", "a.ckpt"])).code).toBe(0);
});
