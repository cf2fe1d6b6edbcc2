/** The MIL of every model that comes with anec, for inference and training, reads back equal. */
import { describe, expect, test } from "vitest";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { sameTree } from "../../compiler/mil/tree.ts";
import { loadModel, modelNames } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { graphOf } from "../support/random_model.ts";

const entries = [
  { kind: "model", gradients: false },
  { kind: "train", gradients: false },
  { kind: "train", gradients: true },
] as const;

describe.each(modelNames())("%s", (name) => {
  test.each(entries)("entry $kind, gradients: $gradients", ({ kind, gradients }) => {
    const graph = graphOf(loadModel(name), kind);
    const { files, manifest } = compile(graph, { target: "ane", gradients }).bundle;
    expect(manifest.programs.length).toBeGreaterThan(1);
    for (const { file } of manifest.programs) {
      const text = new TextDecoder().decode(files.get(file)!);
      const tree = parseMil({ path: file, text });
      expect(tree.functions[0]!.body.length, file).toBeGreaterThan(0);
      expect(printMil(tree), file).toBe(text);
      expect(sameTree(parseMil({ path: "again.mil", text: printMil(tree) }), tree), file).toBe(
        true,
      );
      expect(checkMil(tree), file).toEqual([]);
    }
  });
});
