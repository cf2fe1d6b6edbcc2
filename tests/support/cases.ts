/**
 * Literate golden tests: Markdown with fenced blocks that are fed in, and blocks that must come out.
 *
 *     ```ane in L=2
 *     model …
 *     ```
 *     ```text out
 *     …
 *     ```
 *
 * Each `out` block is made from the `in` block before it. The test compares the whole page with the
 * page as it would be written now, so `vitest -u` rewrites the outputs and nothing else.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { expect, test } from "vitest";

export interface CaseInput {
  /** The word after the fence: `ane`, `ir`. */
  readonly language: string;
  readonly text: string;
  /** What stands after `in`. */
  readonly words: readonly string[];
  /** The heading above, to name the case. */
  readonly heading: string;
}

export interface CaseOutput {
  readonly language: string;
  readonly words: readonly string[];
}

/** Makes the text of an `out` block; with or without a final line break. */
export type RunCase = (input: CaseInput, output: CaseOutput) => string;

const FENCE = /^```(\w+) (in|out)([^\n]*)\n((?:(?!```)[^\n]*\n)*)```$/;

/** The page with every `out` block made anew. */
export function rewriteCases(markdown: string, run: RunCase): string {
  let heading = "";
  let input: CaseInput | undefined;
  return markdown.replace(
    /^#+ .*$|^```\w+ (?:in|out)[^\n]*\n(?:(?!```)[^\n]*\n)*```$/gm,
    (block) => {
      const match = FENCE.exec(block);
      if (match === null) {
        heading = block.replace(/^#+ /, "");
        return block;
      }
      const [, language, side, rest, text] = match as unknown as [
        string,
        string,
        string,
        string,
        string,
      ];
      const words = rest.split(" ").filter((w) => w !== "");
      if (side === "in") {
        input = { language, text, words, heading };
        return block;
      }
      if (input === undefined)
        throw new Error(`an \`out\` block without an \`in\` block under "${heading}"`);
      const made = run(input, { language, words });
      const body = made === "" || made.endsWith("\n") ? made : `${made}\n`;
      return `\`\`\`${language} out${rest}\n${body}\`\`\``;
    },
  );
}

/** One test for each page of a folder. */
export function testCases(folder: string, run: RunCase): void {
  for (const file of readdirSync(folder).filter((f) => f.endsWith(".md"))) {
    const path = resolve(folder, file);
    test(`cases: ${basename(file, ".md")}`, async () => {
      await expect(rewriteCases(readFileSync(path, "utf8"), run)).toMatchFileSnapshot(path);
    });
  }
}
