/**
 * The pages of `tests/cases/cli`: command lines and what they print.
 *
 *     ```ane file my.ane      writes a file, in folders that are made if need be
 *     ```sh in                one command line; a quoted argument may hold blanks
 *     ```text out             both streams, and `exit N` unless N is 0
 *
 * The commands of a page share one folder. `vitest -u` rewrites the outputs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { expect, test } from "vitest";
import { anec, inNewFolder } from "./cli_support.ts";

const folder = resolve(import.meta.dirname, "../cases/cli");
const BLOCK = /^```(\w+) (file|in|out)([^\n]*)\n((?:(?!```)[^\n]*\n)*)```$/gm;

for (const page of readdirSync(folder).filter((f) => f.endsWith(".md"))) {
  const path = resolve(folder, page);
  test(`cases: ${basename(page, ".md")}`, async () => {
    const markdown = readFileSync(path, "utf8");
    inNewFolder();
    let made = "";
    let from = 0;
    let printed = "";
    for (const block of markdown.matchAll(BLOCK)) {
      const [whole, language, side, rest, text] = block as unknown as string[];
      made += markdown.slice(from, block.index);
      from = block.index + whole!.length;
      if (side === "file") writeFile(rest!.trim(), text!);
      if (side === "in") printed = await output(text!);
      made += side === "out" ? `\`\`\`${language} out${rest}\n${printed}\`\`\`` : whole;
    }
    await expect(made + markdown.slice(from)).toMatchFileSnapshot(path);
  });
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

async function output(line: string): Promise<string> {
  const words = line
    .trim()
    .match(/"[^"]*"|\S+/g)!
    .map((w) => w.replace(/^"|"$/g, ""));
  const { code, all } = await anec(words.slice(1));
  const text = all.replace(/\d+\.\d ms/g, "# ms");
  return `${text}${code === 0 ? "" : `\nexit ${code}\n`}`;
}
