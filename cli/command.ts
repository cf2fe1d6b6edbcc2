/**
 * What a command is.
 *
 * Its file in `commands/` exports `command`: flags and arguments in commander's words, examples for
 * `--help`, and the work. The list in `commands/index.ts` loads the file only when it is needed.
 */
import type { Command } from "commander";
import type { Io } from "./io.ts";

/** One call of a command. */
export interface Call<Flags> {
  readonly io: Io;
  /** Arguments in order, flags taken out. */
  readonly args: readonly string[];
  readonly flags: Flags;
}

/** Exit codes. 130 is what shells expect of a program that Ctrl-C ended. */
export const EXIT = {
  ok: 0,
  input: 1,
  usage: 2,
  environment: 3,
  bug: 70,
  interrupted: 130,
} as const;

export interface CommandFile<Flags = unknown> {
  /** Whole command lines, shown by `--help`. */
  readonly examples: readonly string[];
  /** Declares arguments and flags. */
  define(c: Command): void;
  /** Does the work and returns an exit code. Throws `UserError` for a user's mistake. */
  run(call: Call<Flags>): Promise<number> | number;
}

export interface CommandEntry {
  /** One word, or two: `data fetch`. */
  readonly name: string;
  readonly summary: string;
  /** Of a command that may take long: the stream on which it shows how far it is, on a terminal. */
  readonly progress?: "out" | "err";
  load(): Promise<{ readonly command: CommandFile }>;
}
