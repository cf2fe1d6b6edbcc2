/**
 * Models of the exact shape of published ones, with random weights, through every format and back.
 *
 *     node dist/bench/pretrained_shapes.js                   30 layers: 134.5 million parameters each
 *     node dist/bench/pretrained_shapes.js --layers 4        quickly
 *     node dist/bench/pretrained_shapes.js --family qwen3    one of them
 *
 * `llama` is SmolLM2-135M. `qwen2` and `qwen3` have its proportions, with the biases of the one and the norms of
 * heads of the other. Each command is a process of its own; the table has its seconds, the most memory it held, and
 * the size of what it wrote. What goes out of Hugging Face and comes back must have the same bits, every format the
 * same loss and the same text, and a run without gradients at most a tenth more memory than `anec eval`. What is
 * otherwise is shown, and the exit code is 1.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
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
  const lines = done.stdout.split("\n").filter((line) => line !== "");
  const megabytes = Number(lines.pop()) / 1024;
  const code = done.status ?? 3;
  const said = (code === 0 ? lines.at(-1) : done.stderr.split("\n")[0]) ?? "";
  return { seconds, megabytes, code, said };
}

/** The number that a line of JSON gives to a key. */
function valueIn(said: string, key: string): number {
  const value = (JSON.parse(said) as Record<string, unknown>)[key];
  if (typeof value === "number") return value;
  throw new Error(`no \`${key}\` in ${said}`);
}

/** Bytes of a file, of those in a folder, or of what is not there: none. */
function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory()) return found?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

const HEAD = ["step", "seconds", "RSS, MB", "wrote, MB"] as const;

function line(family: string, [step, ...numbers]: readonly string[], said: string): string {
  return `${family.padEnd(7)} ${step!.padEnd(16)}${numbers.map((n) => n.padStart(10)).join("")}  ${said}\n`;
}

/** What was done with a family: how often something was not as it must be. */
function runFamily(family: Family, layers: number, folder: string): number {
  const at = (name: string): string => join(folder, name);
  writeModel(at("hf"), configOf(family, layers));
  const own = digestOf(at("hf"));
  let wrong = 0;
  /** Runs a command and prints its row; `result` says what of it, and throws what is not as it must be. */
  const row = (
    step: string,
    args: readonly string[],
    { wrote, result }: { readonly wrote?: string; readonly result: (m: Measured) => string },
  ): Measured => {
    const m = measured([...args, "--json"]);
    let said = m.said;
    try {
      if (m.code !== 0) throw new Error(m.said);
      said = result(m);
    } catch (error) {
      wrong += 1;
      said = `WRONG: ${(error as Error).message}`;
    }
    const size = wrote === undefined ? "" : (bytesOf(wrote) / 2 ** 20).toFixed(0);
    const numbers = [step, m.seconds.toFixed(1), m.megabytes.toFixed(0), size];
    process.stdout.write(line(family, numbers, said));
    return m;
  };
  const convert = (from: string, to: string): Measured =>
    row(`${from} → ${to}`, ["convert", at(from), at(to)], {
      wrote: at(to),
      result: () => "written",
    });
  const back = (from: string): void => {
    const to = at(`back_${from}`);
    const isSame = (): string => {
      if (digestOf(to) !== own) throw new Error("other bits");
      return "same bits";
    };
    const args = ["convert", at(from), to, "--to", "hf", "--dtype", "bf16"];
    row(`${from} → hf`, args, { wrote: to, result: isSame });
    rmSync(to, { recursive: true, force: true });
  };
  convert("hf", "m.ckpt");
  back("m.ckpt");
  if (family === "llama") {
    convert("m.ckpt", "m.bin");
    back("m.bin");
  }
  convert("m.ckpt", "m.gguf");
  back("m.gguf");

  const text = at("text.txt");
  writeFileSync(text, "The people of the United States, in order to form a union.\n".repeat(300));
  /** What the first model says of a kind, which all others must say too. */
  const firsts = new Map<string, string>();
  const same = (kind: string, found: string): string => {
    const first = firsts.get(kind) ?? found;
    firsts.set(kind, first);
    if (found !== first) throw new Error(`${found}, not ${first}`);
    return found;
  };
  let inference = 0;
  for (const model of ["hf", "m.ckpt", "m.gguf"]) {
    const m = row(`eval ${model}`, ["eval", at(model), "--data", text, "--context", "64"], {
      result: (done) => `loss ${same("loss", valueIn(done.said, "loss").toFixed(4))}`,
    });
    if (model === "m.ckpt") inference = m.megabytes;
  }
  const greedy = ["--prompt", "The people", "--tokens", "24", "--temperature", "0"];
  for (const model of ["hf", "m.gguf"]) {
    row(`generate ${model}`, ["generate", at(model), ...greedy], {
      result({ said }) {
        same("text", (JSON.parse(said) as { readonly text: string }).text);
        return `${valueIn(said, "tokensPerSecond").toFixed(1)} tokens/s, the same text`;
      },
    });
  }
  const train = ["train", "--init", at("m.ckpt"), "--data", text, "--no-compact", "-D", "S=64"];
  const few = ["--steps", "3", "--val-every", "0"];
  const lora = ["--lora", "4", "--accum", "1", "--warmup", "0", "--lr", "1e-3"];
  row("LoRA", [...train, ...few, ...lora, "--out", at("lora.ckpt")], {
    wrote: at("lora.ckpt"),
    result: ({ said }) => `validation loss ${valueIn(said, "validationLoss").toFixed(4)}`,
  });
  const mezo = ["--method", "mezo", "--eps", "1e-4", "--lr", "1e-7"];
  row("MeZO", [...train, ...few, ...mezo, "--out", at("mezo.ckpt")], {
    wrote: at("mezo.ckpt"),
    result({ said, megabytes }) {
      const share = (megabytes / inference).toFixed(3);
      if (megabytes > 1.1 * inference) throw new Error(`${share} times the memory of eval`);
      const loss = valueIn(said, "validationLoss").toFixed(4);
      return `validation loss ${loss}, ${share} times the memory of eval`;
    },
  });
  return wrong;
}

const { values } = parseArgs({
  options: { layers: { type: "string", default: "30" }, family: { type: "string" } },
});
process.stdout.write(line("", HEAD, ""));
let wrong = 0;
for (const family of families) {
  if (values.family !== undefined && values.family !== family) continue;
  const folder = mkdtempSync(join(tmpdir(), "anec-shapes-"));
  try {
    wrong += runFamily(family, Number(values.layers), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exitCode = wrong === 0 ? 0 : 1;
