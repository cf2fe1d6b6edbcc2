/** The dumps in ARCHITECTURE.md are made from the model in it, by the code as it is. */
import { expect, test } from "vitest";
import type { Graph } from "../../compiler/ir/graph.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { elaborate } from "../../dsl/index.ts";
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

function feedProgram(): string {
  const layer = entries.find((e) => e.kind === "layer" && e.name === "feed")!.graph();
  const { bundle } = compile(layer, { target: "ane" });
  const program = bundle.manifest.programs[0]!;
  return new TextDecoder().decode(bundle.files.get(program.file)!);
}

const dumps: Readonly<Record<string, () => string>> = {
  "ir elaborated": () => printGraph(graphOf("train")),
  "ir composite": () => printGraph(until("fuse_swiglu")),
  "ir differentiated": () => printGraph(until("differentiate")),
  "text schedule": () =>
    scheduleText(compile(graphOf("train"), { target: "cpu", gradients: true }).bundle.manifest),
  "mil feed": feedProgram,
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
