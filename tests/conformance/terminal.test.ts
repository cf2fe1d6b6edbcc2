/** Every command in a pipe, on a terminal without colours, and with `--json`. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { Command } from "commander";
import { expect, test } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import { anec, type Result } from "../e2e/cli_support.ts";
import { inFolderWithFiles } from "../support/command_files.ts";

/** A short line of each command; what it answers may be that something is wrong. */
const LINES: Readonly<Record<string, string>> = {
  train: "train --model tiny --data builtin:stories -D D=32 -D F=64 -D L=1 --steps 3 --out a.ckpt",
  generate: "generate a.ckpt --prompt One --tokens 3",
  convert: "convert a.ckpt b.gguf --expand --force",
  adapters: "adapters a.ckpt a.adapters",
  eval: "eval a.ckpt",
  search: "search --summary none",
  dashboard: "dashboard none.jsonl",
  compile: "compile m.ane --out bundle",
  report: "report m.ane --out page.html",
  cost: "cost tiny",
  "mil check": "mil check x.mil",
  "mil fmt": "mil fmt x.mil",
  "mil diff": "mil diff x.mil x.mil",
  "mil run": "mil run x.mil",
  "mil stats": "mil stats x.mil",
  check: "check m.ane",
  fmt: "fmt m.ane",
  run: "run m.ane",
  lsp: "lsp none",
  "data prepare": "data prepare t.txt --out t.bin",
  "data fetch": "data fetch none",
  "data info": "data info builtin:stories",
  verify: "verify a.ckpt --no-training",
  "bench step": "bench step --model none",
  power: "power --model none",
  "cache ls": "cache ls",
  "cache verify": "cache verify",
  "cache clear": "cache clear",
  "bench gemm": "bench gemm --model none",
  "bench generate": "bench generate --model none",
  "bench --published": "bench --published",
  models: "models",
  ops: "ops",
  facts: "facts min_surface",
  probe: "probe --list",
  passes: "passes",
  explain: "explain E0301",
  completion: "completion bash",
  doctor: "doctor --quick",
};

/** What these print is a file, a script or a protocol as it is. */
const WITHOUT_JSON = ["mil fmt", "fmt", "lsp", "completion"];

/** A folder with what the lines name. */
function inFolder(): void {
  inFolderWithFiles();
  mkdirSync("runs");
}

/** Of ANSI: colours, and moves of the cursor. */
const ESCAPE = "\u001b";

function checkPlain({ code, all }: Result, what: string): void {
  expect([0, 1, 2, 3], `${what}: ${all}`).toContain(code);
  expect(all.includes(ESCAPE), `${what} is in colour: ${JSON.stringify(all)}`).toBe(false);
}

test("every command has a line here", () => {
  expect(Object.keys(LINES).sort()).toEqual(commands.map(({ name }) => name).sort());
});

test("in a pipe: no colours, no line that is written over", async () => {
  inFolder();
  for (const [name, line] of Object.entries(LINES)) {
    const result = await anec(line.split(" "), { color: true });
    checkPlain(result, name);
    expect(result.all.includes("\r"), `${name}: ${JSON.stringify(result.all)}`).toBe(false);
    if (result.code === 0 && name !== "lsp") expect(result.out, name).not.toBe("");
  }
  // What the lines before have made was made.
  expect(
    ["a.ckpt", "b.gguf", "bundle", "page.html", "t.bin"].filter((f) => !existsSync(f)),
  ).toEqual([]);
  expect(readdirSync(".").filter((file) => file.startsWith("anec-bug-"))).toEqual([]);
});

test("on a terminal with NO_COLOR: no colours, and live lines are taken away again", async () => {
  inFolder();
  for (const [name, line] of Object.entries(LINES)) {
    const result = await anec(line.split(" "), { terminal: true, color: false });
    checkPlain(result, name);
    // After the last return of the carriage nothing of a live line is left, or a whole line follows.
    const rest = result.err.split("\r").at(-1)!;
    expect(rest === "" || rest.endsWith("\n"), `${name}: ${JSON.stringify(result.err)}`).toBe(true);
  }
});

test("with --json: every line is JSON, whatever happens", async () => {
  inFolder();
  for (const { name, load } of commands) {
    const parser = new Command();
    (await load()).command.define(parser);
    const hasJson = parser.options.some((option) => option.long === "--json");
    expect([name, hasJson]).toEqual([name, !WITHOUT_JSON.includes(name)]);
    if (!hasJson) continue;
    const result = await anec([...LINES[name]!.split(" "), "--json"], { color: true });
    checkPlain(result, name);
    expect(result.all, name).not.toContain("\r");
    if (result.code === 0) expect(result.out, name).not.toBe("");
    const texts = result.code === 0 ? [result.out] : [result.out, result.err];
    for (const text of texts) {
      for (const one of text.split("\n").slice(0, -1)) {
        expect(() => JSON.parse(one), `${name}: ${one}`).not.toThrow();
      }
    }
  }
});
