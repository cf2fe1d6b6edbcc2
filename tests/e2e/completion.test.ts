/** `anec completion`: what shells make of the scripts. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { expect, test } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import { shells } from "../../cli/completion.ts";
import { packageRoot } from "../../dsl/index.ts";
import { anec, inNewFolder } from "./cli_support.ts";
import { commandLine } from "./processes.ts";

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

async function scriptIn(shell: string): Promise<string> {
  const { code, out, err } = await anec(["completion", shell]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const path = join(inNewFolder(), `anec.${shell}`);
  writeFileSync(path, out);
  return path;
}

/** What bash offers for each of these lines; the cursor is at the end of the line. */
function bashOffers(script: string, lines: readonly string[]): string[][] {
  const asked = lines.map((line) => {
    const words = line.split(" ").map((word) => `'${word}'`);
    return `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _anec; echo "\${COMPREPLY[*]}"`;
  });
  const text = execFileSync("bash", ["-c", `source ${script}; ${asked.join("; ")}`], {
    encoding: "utf8",
  });
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split(" ").filter((word) => word !== ""));
}

test("bash completes commands, flags and their values", async () => {
  const script = await scriptIn("bash");
  const lines = [
    ...["anec tra", "anec data ", "anec data pre", "anec bench --", "anec help ev"],
    ...["anec train --tensorb", "anec data prepare --tok", "anec train --device e"],
    ...["anec compile --chip m5_", "anec train --model tin", "anec train --log r", "anec check my"],
  ];
  expect(bashOffers(script, lines)).toEqual([
    ["train"],
    ["prepare", "fetch", "info"],
    ["prepare"],
    ["--published"],
    ["eval"],
    ["--tensorboard"],
    ["--tokenizer"],
    ["emulator"],
    ["m5_pro", "m5_max"],
    ["tiny"],
    // Files, by bash itself.
    [],
    [],
  ]);
});

test("bash offers every command and every flag of it", async () => {
  const script = await scriptIn("bash");
  const first = new Set(commands.map(({ name }) => name.split(" ")[0]!));
  const [offered] = bashOffers(script, ["anec "]);
  expect(new Set(offered)).toEqual(new Set([...first, "help"]));
  const flags = await Promise.all(
    commands.map(async ({ name, load }) => {
      const parser = new Command();
      (await load()).command.define(parser);
      return [name, parser.options.map((o) => o.long)] as const;
    }),
  );
  const offers = bashOffers(
    script,
    flags.map(([name]) => `anec ${name} --`),
  );
  for (const [i, [name, wanted]] of flags.entries())
    expect([name, ...offers[i]!]).toEqual([name, ...wanted, "--help"]);
});

test("scripts are made by the program as it is installed, with every command loaded", () => {
  const build = join(packageRoot(), "dist");
  for (const shell of shells) {
    const args = commandLine(build, ["completion", shell]);
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      ...{ encoding: "utf8", cwd: packageRoot() },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("dashboard");
  }
});

test("zsh reads its script, and gives each command its own flags", async (context) => {
  if (!has("zsh")) context.skip("there is no zsh here");
  const script = await scriptIn("zsh");
  const program = `compdef() { : }
    _describe() { print -r -- "commands: \${(P)2[1]}" }
    _arguments() { print -r -- "flags of $words[1]: \${#@}" }
    source ${script}
    try() { words=("$@"); CURRENT=$#words; _anec }
    try anec tr; try anec data p; try anec train --dev; try anec data prepare --t`;
  const text = execFileSync("zsh", ["-f", "-c", program], { encoding: "utf8" });
  expect(text.replace(/\d+/g, "#").trimEnd().split("\n")).toEqual([
    "commands: train:train a model on text",
    "commands: prepare:turn texts into a token file",
    "flags of train: #",
    "flags of prepare: #",
  ]);
});

test("fish completes commands, flags and their values", async (context) => {
  if (!has("fish")) context.skip("there is no fish here");
  const script = await scriptIn("fish");
  const offers = (line: string): string[] => {
    const program = `source ${script}; complete -C '${line}'`;
    const text = execFileSync("fish", ["--no-config", "-c", program], { encoding: "utf8" });
    return text.split("\n").flatMap((row) => row.split("\t")[0] || []);
  };
  expect(offers("anec trai")).toEqual(["train"]);
  expect(offers("anec data p")).toEqual(["prepare"]);
  expect(offers("anec data prepare --tok")).toEqual(["--tokenizer"]);
  expect(offers("anec train --device em")).toEqual(["emulator"]);
});

test("another shell is a mistake of the command line", async () => {
  const { code, err } = await anec(["completion", "tcsh"]);
  expect(code).toBe(2);
  expect(err).toMatch(/^error\[E0955\].*tcsh/);
});
