/** The MIL of a training step of `tiny`, whole, for every fusion. `vitest -u` writes it anew. */
import { expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { type CompileOptions, compile } from "../../index.ts";
import { graphOf } from "../support/random_model.ts";

const FUSIONS: readonly (readonly [string, Partial<CompileOptions>])[] = [
  ["none", { fusion: "none" }],
  ["pairs", { fusion: "pairs" }],
  ["layer", { fusion: "layer" }],
  ["matmul", { ane: "matmul" }],
];

test.each(FUSIONS)("the programs of `tiny` with %s are as recorded", async (name, options) => {
  const train = graphOf(loadModel("tiny"), "train");
  const { bundle, moves } = compile(train, { target: "ane", gradients: true, ...options });
  const { dispatches, bytesWritten, bytesRead, bytesCopied } = moves!.perMicroStep;
  const parts = [
    `# tiny, ${name}\n`,
    `${dispatches} dispatches a micro-step; bytes: ${bytesWritten} written, ${bytesRead} read, ` +
      `${bytesCopied} copied, ${moves!.perUpdate.bytesStaged} staged an update.\n`,
  ];
  for (const program of bundle.manifest.programs) {
    const mil = new TextDecoder().decode(bundle.files.get(program.file)!);
    parts.push(
      `## ${program.file}, called ${program.calls} times\n`,
      "```mil",
      mil.trimEnd(),
      "```\n",
    );
  }
  await expect(parts.join("\n")).toMatchFileSnapshot(`../cases/models/tiny_${name}.md`);
});
