/** The dumps in ARCHITECTURE.md are made from the model in it, by the code as it is. */
import { expect, test } from "vitest";
import type { Graph } from "../../compiler/ir/graph.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { type Pass, runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { scheduleText } from "../../passes/schedule_text.ts";
import { contentOf } from "./source_files.ts";

const document = contentOf("ARCHITECTURE.md");
const text = /```ane\n([\s\S]*?)```/.exec(document)![1]!;
const { entries } = elaborate({ path: "mini.ane", text });
const graphOf = (kind: string): Graph => entries.find((e) => e.kind === kind)!.graph();

function until(name: string): Graph {
  const passes: readonly Pass[] = pipelines.train;
  return runPasses(graphOf("train"), passes, { stopAfter: name }).graph;
}

const feed = compile(entries.find((e) => e.kind === "layer" && e.name === "feed")!.graph(), {
  target: "ane",
}).bundle;

function feedProgram(): string {
  return new TextDecoder().decode(feed.files.get(feed.manifest.programs[0]!.file)!);
}

/** Calls of the engine for a micro-step of `tiny`, without their surfaces. */
function calls(): string {
  const tiny = elaborate(loadModel("tiny"))
    .entries.find((e) => e.kind === "train")!
    .graph();
  const { bundle } = compile(tiny, { target: "ane", gradients: true, fusion: "layer" });
  const lines = scheduleText(bundle.manifest).split("\n");
  return lines
    .filter((line) => line.startsWith("ane "))
    .map((line) => line.replace(/\(.*/, ""))
    .join("\n");
}

/** The files of a bundle beside its manifest, and what the manifest says of the program. */
function bundleFiles(): string {
  const files = [...feed.files].map(([name, bytes]) => `${name}  ${bytes.length} bytes`);
  const { inputs, outputs } = feed.manifest.programs[0]!;
  const port = (way: string) => (p: { name: string; shape: readonly number[]; dtype: string }) =>
    `${way}  ${p.name}  ${p.dtype} [${p.shape.join(", ")}]`;
  return [...files, ...inputs.map(port("in ")), ...outputs.map(port("out"))].join("\n");
}

const dumps: Readonly<Record<string, () => string>> = {
  "ir elaborated": () => printGraph(graphOf("train")),
  "ir composite": () => printGraph(until("fuse_swiglu")),
  "ir differentiated": () => printGraph(until("differentiate")),
  "text schedule": () =>
    scheduleText(compile(graphOf("train"), { target: "cpu", gradients: true }).bundle.manifest),
  "mil feed": feedProgram,
  "text engine": () => scheduleText(feed.manifest),
  "text calls": calls,
  "text bundle": bundleFiles,
};

test("its dumps are what the code makes", async () => {
  let made = document;
  for (const [name, dump] of Object.entries(dumps)) {
    const block = new RegExp(`\`\`\`${name}\\n[\\s\\S]*?\`\`\``);
    expect(made).toMatch(block);
    made = made.replace(block, () => `\`\`\`${name}\n${dump().trimEnd()}\n\`\`\``);
  }
  await expect(made).toMatchFileSnapshot("../../ARCHITECTURE.md");
});
