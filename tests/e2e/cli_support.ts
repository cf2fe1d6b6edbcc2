/** Runs command lines in process, in a folder of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Io, Sink } from "../../cli/io.ts";
import { run } from "../../cli/main.ts";

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Both streams, in the order of writing. */
  readonly all: string;
}

export interface AnecOptions {
  readonly stdin?: string;
  readonly terminal?: boolean;
  readonly color?: boolean;
  /** Sees what is written to standard output, and may press Ctrl-C. */
  readonly watch?: (text: string, interrupt: () => void) => void;
}

/** Runs `anec …argv`. */
export async function anec(argv: readonly string[], options: AnecOptions = {}): Promise<Result> {
  const { stdin = "", terminal = false, color = false, watch } = options;
  const texts = { out: "", err: "", all: "" };
  let interrupt = (): void => {};
  const sink = (name: "out" | "err"): Sink => ({
    write(text) {
      texts[name] += text;
      texts.all += text;
      if (name === "out") watch?.(text, () => interrupt());
    },
    isTerminal: terminal,
    columns: 100,
  });
  const io: Io = {
    out: sink("out"),
    err: sink("err"),
    readStdin: async () => stdin,
    color,
    onInterrupt(handler) {
      interrupt = handler;
      return () => {
        interrupt = () => {};
      };
    },
    abort(code) {
      texts.all += `aborted with ${code}\n`;
    },
  };
  const code = await run(argv, io);
  return { code, ...texts };
}

/** A new folder as the current one until the test ends. */
export function inNewFolder(): string {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "anec-cli-"));
  process.chdir(folder);
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
