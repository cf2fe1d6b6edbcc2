/**
 * docs/tutorial.md: its commands run and print what it quotes.
 *
 *     ```ane file my.ane      writes a file; `more` in place of `file` adds to it
 *     ```sh in                command lines of `anec`, or of `node` in the root of the tree
 *     ```text out             what they print; a line `…` stands for any lines
 *
 * Speeds and the machine's device may differ, and losses by a hundredth. `vitest -u` rewrites what does not agree.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { format, packageRoot } from "../../dsl/index.ts";
import { anec, inNewFolder } from "./cli_support.ts";

const root = packageRoot();
const page = join(root, "docs/tutorial.md");
const example = join(root, "examples/sliding_window/sliding.ane");
const BLOCK = /^```(\w+) (file|more|in|out)([^\n]*)\n((?:(?!```)[^\n]*\n)*)```$/gm;

test("the commands of docs/tutorial.md print what it quotes", async () => {
  const markdown = readFileSync(page, "utf8");
  inNewFolder();
  let made = "";
  let from = 0;
  let lines: readonly string[] = [];
  for (const block of markdown.matchAll(BLOCK)) {
    const [whole, language, side, rest, text] = block as unknown as string[];
    made += markdown.slice(from, block.index);
    from = block.index + whole!.length;
    if (side === "file") writeFileSync(rest!.trim(), text!);
    if (side === "more") appendFileSync(rest!.trim(), text!);
    if (side === "in") lines = text!.trim().split("\n");
    if (side !== "out") {
      made += whole;
      continue;
    }
    let printed = "";
    for (const line of lines) printed += await output(line);
    const near = lines.some((line) => /^anec train|^node/.test(line));
    const shown = agrees(text!, printed, near) ? text! : printed;
    made += `\`\`\`${language} out${rest}\n${shown}\`\`\``;
  }
  const file = readFileSync("sliding.ane", "utf8");
  expect(file).toBe(readFileSync(example, "utf8"));
  expect(format(file)).toBe(file);
  await expect(made + markdown.slice(from)).toMatchFileSnapshot(page);
}, 120_000);

async function output(line: string): Promise<string> {
  const words = line.match(/"[^"]*"|\S+/g)!.map((w) => w.replace(/^"|"$/g, ""));
  if (words[0] === "node") {
    const { stdout, stderr } = spawnSync(process.execPath, words.slice(1), {
      cwd: root,
      encoding: "utf8",
    });
    return stdout + stderr;
  }
  expect(words[0]).toBe("anec");
  const { code, all } = await anec(words.slice(1));
  const end = all === "" || all.endsWith("\n") ? "" : "\n";
  return `${all}${end}${code === 0 ? "" : `exit ${code}\n`}`;
}

/** Whether the quoted lines are those printed, in order; `…` in a line of its own matches any. */
function agrees(quoted: string, printed: string, near: boolean): boolean {
  const parts = quoted.split(/^…\n/m).map(linesOf);
  const lines = linesOf(printed);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const starts = i === 0 ? [0] : Array.from({ length: lines.length + 1 - at }, (_, k) => at + k);
    const fits = (start: number): boolean =>
      part.every((line, k) => sameLine(line, lines[start + k] ?? "", near)) &&
      (!last || start + part.length === lines.length);
    const start = starts.find((s) => s + part.length <= lines.length && fits(s));
    if (start === undefined) return false;
    at = start + part.length;
  }
  return true;
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").slice(0, -1);
}

const NUMBER = /\d+\.\d+(?:e[-+]?\d+)?/g;

function sameLine(quoted: string, printed: string, near: boolean): boolean {
  if (!near) return quoted === printed;
  const [a, b] = [steady(quoted), steady(printed)];
  if (a.replace(NUMBER, "#") !== b.replace(NUMBER, "#")) return false;
  const [x, y] = [a, b].map((line) => (line.match(NUMBER) ?? []).map(Number));
  return x!.every((value, i) => Math.abs(value - y![i]!) <= 0.01 * Math.abs(value) + 0.01);
}

/** A line without what depends on the machine. */
function steady(line: string): string {
  return line
    .replace(/^( {2}device {2})(emulator|cpu).*/, "$1$2")
    .replace(/ {2}[\d,.]+ tokens\/s.*/, "");
}
