/**
 * Models of the exact shape of published ones, with random weights, through every format and back.
 *
 *     node dist/bench/pretrained_shapes.js              30 layers: 134.5 million parameters each
 *     node dist/bench/pretrained_shapes.js --layers 4   quickly
 *
 * `llama` is SmolLM2-135M. `qwen2` and `qwen3` have its proportions, with the biases of the one and the norms of
 * heads of the other. Each command is a process of its own; the table has its seconds and the most memory it held.
 * Whatever goes out of Hugging Face and comes back must have the same bits.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bfloatBits } from "../formats/cast.ts";
import { readHf, writeHf } from "../formats/hf.ts";
import { fromHalfBits, type Tensor } from "../formats/tensor.ts";
import { namedTokenizerData } from "../formats/tokenizer_named.ts";
import {
  expectedTensors,
  type Family,
  families,
  type TransformerConfig,
} from "../formats/weights.ts";
import { createRandom } from "../training/random.ts";
import { root } from "./processes.ts";

function configOf(family: Family, layers: number): TransformerConfig {
  return {
    ...{ family, layers, width: 576, heads: 9, kvHeads: 3, headSize: 64, hidden: 1536 },
    ...{ vocabulary: 49152, context: 8192, normEps: family === "llama" ? 1e-5 : 1e-6 },
    ...{ ropeTheta: family === "llama" ? 100_000 : 1_000_000, residualScale: 1, tied: true },
  };
}

/** Random weights as a folder of Hugging Face in bf16, with a tokenizer of single bytes. */
function writeModel(folder: string, config: TransformerConfig): void {
  const random = createRandom(1);
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of expectedTensors(config)) {
    const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
    random.fillUniform(values, shape.length === 1 ? 0.1 : 1.7 / Math.sqrt(shape[1]!));
    if (name.includes("norm")) for (let i = 0; i < values.length; i++) values[i]! += 1;
    tensors.set(name, { ...fromHalfBits(shape, bfloatBits(values)), dtype: "BF16" });
  }
  const tokenizer = namedTokenizerData("bytes");
  const weights = { name: config.family, config, tensors, tokenizer };
  writeHf(folder, { ...weights, training: null, optimizer: null });
}

/** One digest of all tensors. */
function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, data }] of readHf(folder).tensors) {
    hash.update(JSON.stringify([name, dtype, shape])).update(data);
  }
  return hash.digest("hex");
}

interface Measured {
  readonly seconds: number;
  readonly megabytes: number;
  readonly code: number;
  /** The last line of standard output, or the first of standard error. */
  readonly said: string;
}

/** Runs `anec ARGS` in a process that tells the most memory it held. */
function measured(args: readonly string[]): Measured {
  const main = pathToFileURL(join(root, "dist", "cli", "main.js")).href;
  const program = `
    const { processIo, run } = await import(${JSON.stringify(main)});
    process.exitCode = await run(${JSON.stringify(args)}, processIo());
    process.stdout.write("\\n" + process.resourceUsage().maxRSS);`;
  const start = performance.now();
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    ...{ encoding: "utf8", timeout: 600_000, maxBuffer: 1 << 26 },
  });
  const seconds = (performance.now() - start) / 1000;
  const lines = done.stdout.trim().split("\n");
  const megabytes = Number(lines.pop()) / 1024;
  const code = done.status ?? 3;
  const said = (code === 0 ? lines.at(-1) : done.stderr.split("\n")[0]) ?? "";
  return { seconds, megabytes, code, said };
}

/** The number that a line of JSON gives to a key, or what was said instead. */
function numberIn(line: string, key: string): string {
  try {
    return Number((JSON.parse(line) as Record<string, unknown>)[key]).toFixed(4);
  } catch {
    return line;
  }
}

/** Runs all steps of a family in `folder`; a line of the table for each, as it comes. */
function runFamily(family: Family, layers: number, folder: string): void {
  const at = (name: string): string => join(folder, name);
  writeModel(at("hf"), configOf(family, layers));
  const own = digestOf(at("hf"));
  const row = (step: string, args: readonly string[], result: (m: Measured) => string): boolean => {
    const m = measured(args);
    const [time, memory] = [m.seconds.toFixed(1), m.megabytes.toFixed(0)];
    const numbers = `${time.padStart(7)} s ${memory.padStart(6)} MB`;
    const said = m.code === 0 ? result(m) : m.said;
    process.stdout.write(`${family.padEnd(7)} ${step.padEnd(18)} ${numbers}  ${said}\n`);
    return m.code === 0;
  };
  const convert = (from: string, to: string, ...more: string[]): boolean =>
    row(`${from} → ${to}`, ["convert", at(from), at(to), "--json", ...more], () => "written");
  const back = (from: string): void => {
    const to = `back_${from}`;
    const args = ["convert", at(from), at(to), "--to", "hf", "--dtype", "bf16", "--json"];
    row(`${from} → hf`, args, () => (digestOf(at(to)) === own ? "same bits" : "OTHER BITS"));
    rmSync(at(to), { recursive: true, force: true });
  };
  convert("hf", "m.ckpt");
  back("m.ckpt");
  if (convert("m.ckpt", "m.bin")) back("m.bin");
  convert("m.ckpt", "m.gguf");
  back("m.gguf");
  const data = at("text.txt");
  writeFileSync(data, "The people of the United States, in order to form a union.\n".repeat(300));
  for (const model of ["hf", "m.ckpt", "m.gguf"]) {
    row(`eval ${model}`, ["eval", at(model), "--data", data, "--json"], (m) =>
      numberIn(m.said, "loss"),
    );
  }
  const greedy = ["--prompt", "The people", "--tokens", "32", "--temperature", "0", "--json"];
  row("generate hf", ["generate", at("hf"), ...greedy], (m) => {
    return `${numberIn(m.said, "tokensPerSecond")} tokens/s`;
  });
}

const { values } = parseArgs({ options: { layers: { type: "string", default: "30" } } });
for (const family of families) {
  const folder = mkdtempSync(join(tmpdir(), "anec-shapes-"));
  try {
    runFamily(family, Number(values.layers), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
