/** Models of each family against the logits that transformers computes with them (hf/make.py). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readHf } from "../../formats/hf.ts";
import { checkpointOf } from "../../training/foreign_model.ts";
import { createGenerator } from "../../training/generate.ts";
import { hfFolder, hfNames } from "../unit/formats/hf_models.ts";

interface Golden {
  readonly prompt: number[];
  /** After the last two tokens of the prompt. */
  readonly logits: number[][];
  readonly greedy: number[];
}

describe.each(hfNames)("%s", (name) => {
  const golden = JSON.parse(readFileSync(join(hfFolder(name), "golden.json"), "utf8")) as Golden;

  test.each(["interleaved", "split"] as const)(
    "logits and greedy ids agree, %s pairs",
    async (pairing) => {
      const contents = checkpointOf(readHf(hfFolder(name)), { pairing });
      const checkpoint = { ...contents, path: name };
      const generator = await createGenerator(checkpoint, { device: { threads: 1 } });
      const { decoder } = generator;
      const { prompt } = golden;
      const found = [
        Array.from(decoder.feed(prompt.slice(0, -1)).slice(0, decoder.rows)),
        Array.from(decoder.feed(prompt.slice(-1)).slice(0, decoder.rows)),
      ];
      const errors = golden.logits.flatMap((row, i) =>
        row.map((x, j) => Math.abs(x - found[i]![j]!)),
      );
      expect(Math.max(...errors)).toBeLessThan(1e-4);
      const steps = generator.ids(prompt, { tokens: golden.greedy.length, temperature: 0 });
      expect([...steps]).toEqual(golden.greedy);
      generator.close();
    },
  );
});
