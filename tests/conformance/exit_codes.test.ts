/** Every command ends with the same codes for the same reasons: docs/exit_codes.md. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../../cli/command.ts";
import { commands } from "../../cli/commands/index.ts";
import { MEANINGS } from "../../cli/exit_codes.ts";
import { exitCodeOf, reportFailure } from "../../cli/failures.ts";
import type { Io } from "../../cli/io.ts";
import { pages } from "../../compiler/messages/index.ts";
import { bug } from "../../compiler/support/bug.ts";
import { packageRoot } from "../../dsl/index.ts";
import { VERSION } from "../../version.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { commandLine } from "../e2e/processes.ts";

const names = commands.map(({ name }) => name);

test("every code has a meaning", () => {
  expect(Object.keys(MEANINGS)).toEqual(Object.keys(EXIT));
  expect(Object.values(EXIT)).toEqual([0, 1, 2, 3, 70, 130]);
});

test.each([...pages.keys()])("%s ends with 1, 2 or 3, and with 0 as a warning", (code) => {
  const diagnostic = { code, title: "", labels: [], help: [] };
  const exit = exitCodeOf([{ ...diagnostic, severity: "error" }]);
  expect([EXIT.input, EXIT.usage, EXIT.environment]).toContain(exit);
  expect(exitCodeOf([{ ...diagnostic, severity: "warning" }])).toBe(EXIT.ok);
});

test.each(names)("`anec %s --help` ends with 0, an unknown flag with 2", async (name) => {
  const words = name.split(" ");
  expect((await anec([...words, "--help"])).code).toBe(EXIT.ok);
  const wrong = await anec([...words, "--no-such-flag-of-ours"]);
  expect(wrong.code).toBe(EXIT.usage);
  expect(wrong.err).toMatch(/^error\[E095\d\]: /);
  const json = await anec([...words, "--json", "--no-such-flag-of-ours"]);
  expect(json.code).toBe(EXIT.usage);
  expect(JSON.parse(json.err)).toMatchObject({ diagnostics: [{ severity: "error" }] });
});

test.each([[["nonsense"]], [["data", "nonsense"]], [["compile"]], [["explain", "E9999"]]])(
  "%j is a mistake of the command line",
  async (line) => {
    expect((await anec(line)).code).toBe(EXIT.usage);
  },
);

test.each([
  [["check", "bad.ane"]],
  [["compile", "bad.ane"]],
  [["mil", "check", "bad.mil"]],
  [["generate", "bad.ckpt"]],
  [["eval", "bad.ckpt"]],
  [["verify", "bad.ckpt"]],
  [["convert", "bad.ckpt", "out.gguf"]],
  [["compile", "absent.ane"]],
])("%j is at fault", async (line) => {
  inNewFolder();
  writeFileSync("bad.ane", "layer f(x: [S]) -> [S] { return y }\n");
  writeFileSync("bad.mil", "program(1.3) {");
  writeFileSync("bad.ckpt", "this is no checkpoint");
  const { code, err, out } = await anec(line);
  expect(code, `${err}${out}`).toBe(EXIT.input);
});

test("a runtime that is not there is a fault of the machine", () => {
  const line = commandLine(join(packageRoot(), "dist"), ["doctor", "--quick"]);
  const { status, stdout } = spawnSync(process.execPath, line, {
    encoding: "utf8",
    env: { ...process.env, ANEC_NATIVE: "/none/anec.node" },
  });
  expect(status).toBe(EXIT.environment);
  expect(stdout).toMatch(/^ {2}fault {2}runtime/m);
  expect(stdout).toContain("Something that is needed is missing.");
});

/** What `reportFailure` prints for a bug, and its exit code. */
function reported(argv: readonly string[]): { readonly code: number; readonly text: string } {
  let text = "";
  const write = (t: string): void => {
    text += t;
  };
  const sink = { write, isTerminal: false, columns: 80 };
  const io = { out: sink, err: sink, color: false } as unknown as Io;
  try {
    return bug("the world is flat");
  } catch (error) {
    return { code: reportFailure(error, io, argv), text };
  }
}

test("a bug of ours ends with 70, says what to report and writes what repeats it", () => {
  const folder = inNewFolder();
  writeFileSync("x.ane", "dims S = 4\n");
  writeFileSync("weights.bin", Uint8Array.of(0xff, 0xfe, 0));
  writeFileSync("large.bin", new Uint8Array(100_000));
  const argv = [
    "compile",
    "x.ane",
    "--init",
    "weights.bin",
    "--data=large.bin",
    "--none",
    "no.txt",
  ];
  const { code, text } = reported(argv);
  expect(code).toBe(70);
  expect(text).toContain("bug in anec: the world is flat\n");
  expect(text).toContain(`  command    anec ${argv.join(" ")}\n`);
  expect(text).not.toContain("    at ");
  const [name] = readdirSync(folder).filter((file) => file.startsWith("anec-bug-"));
  expect(text).toContain(name);
  const held = JSON.parse(readFileSync(name!, "utf8")) as Record<string, unknown>;
  expect(held).toMatchObject({ message: "the world is flat", argv, folder: process.cwd() });
  expect(held["version"]).toContain(`anec ${VERSION}, node ${process.version}`);
  expect(held["stack"]).toContain("exit_codes.test.ts");
  expect(held["files"]).toEqual([
    { path: "x.ane", bytes: 11, text: "dims S = 4\n" },
    { path: "weights.bin", bytes: 3, base64: "//4A" },
    { path: "large.bin", bytes: 100_000 },
  ]);
});

test("as JSON a bug is one line, with the path of the file", () => {
  inNewFolder();
  const { code, text } = reported(["compile", "--json"]);
  expect(code).toBe(70);
  const { bug: report } = JSON.parse(text) as { bug: { reproduction: string } };
  expect(existsSync(report.reproduction)).toBe(true);
});

test("where the folder cannot be written, the file goes to that for temporary files", () => {
  const folder = inNewFolder();
  if (process.getuid?.() === 0) process.chdir("/proc/self");
  else chmodSync(folder, 0o500);
  const { text } = reported(["compile"]);
  process.chdir(folder);
  chmodSync(folder, 0o700);
  const path = /reproduce {2}(.*)\n/.exec(text)![1]!;
  expect(path.startsWith(tmpdir())).toBe(true);
  expect(existsSync(path)).toBe(true);
  rmSync(path);
});
