/**
 * Pages name commands and flags that there are, and files that there are.
 *
 * A command line is `anec …` in backquotes, or a line of a block; words that are not of anec (`mpirun -n 4`) stand
 * before it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { contentOf } from "./source_files.ts";

const root = packageRoot();
const pages = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

const LIST = `
  import { Command } from "commander";
  import { commands } from "./dist/cli/commands/index.js";
  const list = {};
  for (const { name, load } of commands) {
    const parser = new Command(name);
    (await load()).command.define(parser);
    list[name] = parser.options.flatMap(({ long, short }) => [long, short]);
  }
  console.log(JSON.stringify(list));
`;

/** Command → its flags, long and short; of the built tool, which is loaded in an instant. */
const known = ((): ReadonlyMap<string, ReadonlySet<string>> => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", LIST], {
    cwd: root,
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(`run \`npm run build:ts\` first: ${stderr}`);
  const list = Object.entries(JSON.parse(stdout) as Record<string, string[]>);
  return new Map(list.map(([name, flags]) => [name, new Set([...flags, "--help"])]));
})();

/** The command lines of a page, from behind `anec`. */
function linesOf(markdown: string): readonly string[] {
  const blocks = [
    ...markdown.matchAll(/^(?:```(?:sh|console|bash)[^\n]*\n([\s\S]*?)```| {4}(.*))$/gm),
  ];
  const spans = [...markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)];
  const texts = [...blocks.map(([, fence, line]) => fence ?? line!), ...spans.map((s) => s[1]!)];
  return texts
    .flatMap((text) => text.split(/\n|&&|;/))
    .map((line) => /^\s*(?:\$ )?(?:[\w./-]+ )*?anec ([a-z].*)$/.exec(line)?.[1])
    .filter((line) => line !== undefined);
}

/** What is wrong with a command line, or undefined. */
function faultOf(line: string): string | undefined {
  const words = line
    .replace(/\s#.*$/, "")
    .split(/\s--\s/)[0]!
    .split(/\s+/);
  const name = [words.slice(0, 2).join(" "), words[0]!].find((n) => known.has(n));
  if (name === undefined) return `\`anec ${line}\`: no such command`;
  const flags = words
    .slice(name.split(" ").length)
    .filter((w) => /^--?[A-Za-z]/.test(w))
    .map((w) => w.replace(/=.*$/, ""));
  const unknown = flags.find((flag) => !known.get(name)!.has(flag));
  return unknown === undefined ? undefined : `\`anec ${line}\`: no ${unknown}`;
}

test("a wrong name and a wrong flag are found", () => {
  const page =
    "`anec trian`, `anec train --stpes 3`\n\n    mpirun -n 2 anec train --lr 1 && anec fmt -q\n";
  expect(linesOf(page).map(faultOf)).toEqual([
    undefined,
    "`anec fmt -q`: no -q",
    "`anec trian`: no such command",
    "`anec train --stpes 3`: no --stpes",
  ]);
});

test.each(pages)("%s quotes commands as they are", (page) => {
  expect(
    linesOf(contentOf(page))
      .map(faultOf)
      .filter((f) => f !== undefined),
  ).toEqual([]);
});

test.each(pages)("%s links to what is there", (page) => {
  const prose = contentOf(page).replace(/^```[\s\S]*?^```$/gm, "");
  const links = [...prose.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map((m) => m[1]!);
  expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
});

test("README.md leads to every page of docs/", () => {
  const links: readonly string[] = contentOf("README.md").match(/docs\/[\w/]+\.md/g) ?? [];
  expect(pages.filter((page) => page.startsWith("docs/") && !links.includes(page))).toEqual([]);
});
