/** Every command that may take long draws on a terminal how far it is, and nothing in a pipe. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import type { Io, Sink } from "../../cli/io.ts";
import { run } from "../../cli/main.ts";
import { outputStreamFailed } from "../../compiler/messages/usage.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { anec } from "../e2e/cli_support.ts";
import { inFolderWithFiles } from "../support/command_files.ts";

/** What powermetrics prints of 1 W, every 20 ms. */
const METER = `#!/usr/bin/env node
setInterval(() => process.stdout.write('<plist version="1.0"><dict><key>elapsed_ns</key><integer>20000000</integer>' +
  '<key>processor</key><dict><key>cpu_power</key><real>1000</real></dict></dict></plist>\\n'), 20);
`;

const TINY =
  "--model tiny --data builtin:stories -D S=8 -D D=16 -D F=24 -D L=1 --steps 4 --threads 1";

interface Line {
  readonly line: string;
  /** The command is ended when it has drawn for the first time: the whole of it takes long, or needs a network. */
  readonly isEnded?: true;
}

/** A command line of each that draws something. */
const LINES: Readonly<Record<string, Line>> = {
  train: { line: `train ${TINY} --out b.ckpt` },
  convert: { line: "convert a.ckpt a.gguf --expand" },
  eval: { line: "eval a.ckpt" },
  search: { line: `search ${TINY} --space lr=1e-4..1e-1:log --experiments 1`, isEnded: true },
  compile: { line: "compile m.ane --fusion auto --chip m4" },
  report: { line: "report m.ane" },
  cost: { line: "cost m.ane --fusion auto --chip m4" },
  "mil run": { line: "mil run x.mil --seed 1" },
  "data prepare": { line: "data prepare t.txt --out t.bin" },
  "data fetch": { line: "data fetch", isEnded: true },
  verify: { line: "verify a.ckpt --no-training" },
  "bench step": { line: "bench step --model m.ane --accum 1 --steps 1 --threads 1", isEnded: true },
  power: { line: `power --powermetrics ./meter --idle 0.1 -- ${TINY}` },
  "bench gemm": { line: "bench gemm --model m.ane --threads 1", isEnded: true },
  "bench generate": { line: "bench generate --model tiny --rounds 1", isEnded: true },
  "bench --published": { line: "bench --published --measure", isEnded: true },
  probe: { line: "probe --device emulator --only slice_gain", isEnded: true },
};

let checkpoint: Uint8Array;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "anec-progress-"));
  const path = join(folder, "a.ckpt");
  const { code, all } = await anec(["train", ...TINY.split(" "), "--out", path]);
  expect(code, all).toBe(0);
  checkpoint = readFileSync(path);
  rmSync(folder, { recursive: true });
});

/** A folder with what the lines name. */
function inFolder(): void {
  inFolderWithFiles();
  writeFileSync("meter", METER);
  chmodSync("meter", 0o755);
  writeFileSync("a.ckpt", checkpoint);
}

/** What a command draws on a terminal: lines that are written over, by stream. */
async function drawn(argv: readonly string[], isEnded: boolean) {
  const texts = { out: "", err: "" };
  const sink = (name: "out" | "err"): Sink => ({
    write(text) {
      texts[name] += text;
      if (isEnded && /^\r\S/.test(text)) throw new UserError(outputStreamFailed("seen enough"));
    },
    ...{ isTerminal: true, columns: 100 },
  });
  const io: Io = {
    ...{ out: sink("out"), err: sink("err"), color: false },
    readStdin: async () => "",
    onInterrupt: () => () => {},
    abort: () => {},
  };
  const code = await run(argv, io);
  return { code, ...texts };
}

test("the commands that may take long have a line here, and no others", () => {
  const long = commands.filter(({ progress }) => progress !== undefined);
  expect(Object.keys(LINES).sort()).toEqual(long.map(({ name }) => name).sort());
});

test.each(Object.entries(LINES))("%s", async (name, { line, isEnded = false }) => {
  inFolder();
  const argv = line.split(" ");
  const { progress } = commands.find((command) => command.name === name)!;
  const { code, ...texts } = await drawn(argv, isEnded);
  const [own, other] = progress === "err" ? [texts.err, texts.out] : [texts.out, texts.err];
  expect(own, JSON.stringify(texts)).toMatch(/\r\S/);
  expect(other).not.toContain("\r");
  if (isEnded) return;
  expect(code, JSON.stringify(texts)).toBe(0);
  // The line is taken away, or whole lines follow it.
  expect(own.split("\r").at(-1)).toMatch(/^$|\n$/);
});

test("in a pipe nothing is written over", async () => {
  inFolder();
  for (const [name, { line, isEnded }] of Object.entries(LINES)) {
    if (isEnded) continue;
    const { code, all } = await anec(line.split(" "));
    expect(code, `${name}: ${all}`).toBe(0);
    expect(all, name).not.toContain("\r");
  }
});
