/**
 * The claim: the language server answers the mistakes of a 500-line file within 50 ms after a change.
 *
 * A file of 500 lines of layers and a model that calls them all is changed by one character at a time, as one
 * types; measured is the time from sending the new text to a server to having its diagnostics. Of several
 * changes at once it is the time until the diagnostics of the last.
 */

import { median } from "../cli/bench/workload.ts";
import { milTexts } from "../cli/compile_output.ts";
import { elaborate, loadModel } from "../dsl/index.ts";
import { compile } from "../index.ts";
import { editor } from "./editor_client.ts";

const LINES = 500;
const ROUNDS = 40;
/** Changes at once. */
const BURST = 10;
const BURSTS = 10;

/** A layer is eight lines; a model of all of them ends the file. */
function longFile(): string {
  const layers = Math.floor((LINES - 8) / 8);
  const parts = ["dims S = 64, D = 64, F = 128, V = 1000, L = 4\n"];
  for (let i = 0; i < layers; i++) {
    parts.push(
      `/// Number ${i}.\nlayer gated${i}(x: [S, D]) -> [S, D] {\n  param w: [D, F]\n  param v: [F, D]\n` +
        "  h = silu(x @ w) * 0.5\n  return x + h @ v\n}\n",
    );
  }
  const calls = Array.from({ length: layers }, (_, i) => `gated${i}`).slice(0, 4);
  parts.push(
    `model long(tokens: i32[S]) -> [S, V] {\n  x = embed(tokens)\n  repeat L {\n` +
      `${calls.map((name) => `    x = ${name}(x)\n`).join("")}  }\n  return x @ embed.weight'\n}\n`,
  );
  return parts.join("\n");
}

async function measure(name: string, text: string): Promise<void> {
  const server = await editor({ chip: "m4" });
  let typed = `${text}// `;
  // A comment that grows by a letter is a change like any other.
  const timed = async (changes: number): Promise<number> => {
    const start = performance.now();
    let answer: Promise<unknown> | undefined;
    for (let i = 0; i < changes; i++) {
      typed += "x";
      answer = server.write(`file:///long${name}`, `${typed}\n`);
    }
    await answer;
    return performance.now() - start;
  };
  const repeated = async (times: number, changes: number): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < times; i++) all.push(await timed(changes));
    return all;
  };
  const [first, ...later] = await repeated(ROUNDS, 1);
  const bursts = await repeated(BURSTS, BURST);
  await server.close();
  const lines = text.split("\n").length;
  console.log(
    `${name}, ${lines} lines: ${summary(later)}, first ${first!.toFixed(1)} ms; ` +
      `${BURST} changes at once: ${summary(bursts)}`,
  );
}

function summary(times: readonly number[]): string {
  return `median ${median(times).toFixed(1)} ms, worst ${Math.max(...times).toFixed(1)} ms`;
}

await measure(".ane", longFile());
const entry = elaborate(loadModel("tiny")).entries.find((e) => e.kind === "train")!;
const { bundle } = compile(entry.graph(), { target: "ane", gradients: true });
const longest = milTexts(bundle)
  .map(([, text]) => text)
  .sort((a, b) => b.length - a.length)[0];
if (longest !== undefined) await measure(".mil", longest);
