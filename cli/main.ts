/**
 * The command line: finds the command, reads its flags, runs it, turns what it throws into a message.
 *
 *     const code = await run(["compile", "tiny"], processIo());
 *
 * Only the list of commands is loaded at first; a command's file, and all it imports, when it is called.
 */
import type { Command, CommanderError } from "commander";
import {
  flagNeedsValue,
  missingArgument,
  outputStreamFailed,
  tooManyArguments,
  unknownCommand,
  unknownFlag,
} from "../compiler/messages/usage.ts";
import { bug } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { VERSION } from "../version.ts";
import { type Call, type CommandEntry, type CommandFile, EXIT } from "./command.ts";
import { commands } from "./commands/index.ts";
import { foreignFlags } from "./foreign_flags.ts";
import type { Io } from "./io.ts";

export { processIo } from "./io.ts";

/** Runs one command line (without `node` and `anec`) and returns its exit code. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const code = await outcome(argv, io);
  const failure = await io.outFailure?.();
  if (failure === undefined) return code;
  const { reportFailure } = await import("./failures.ts");
  const words = failure.message.replace(/, write$/, "");
  const own = reportFailure(new UserError(outputStreamFailed(words)), io, argv);
  return code === EXIT.ok ? own : code;
}

async function outcome(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const { reportFailure } = await import("./failures.ts");
    return reportFailure(error, io, argv);
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv;
  if (first === "--version" || first === "-V") {
    io.out.write(`anec ${VERSION}\n`);
    return EXIT.ok;
  }
  if (first === undefined || first === "--help" || first === "-h") {
    io.out.write(overview());
    return EXIT.ok;
  }
  if (first === "help") return dispatch([...rest, "--help"], io);
  if (first.startsWith("-")) {
    throw new UserError(unknownFlag(first, "anec", ["--help", "--version"]));
  }
  const group = commands.filter((c) => c.name.startsWith(`${first} `));
  const entry =
    commands.find((c) => c.name === first) ??
    group.find((c) => c.name === `${first} ${rest[0] ?? ""}`);
  if (entry !== undefined) {
    return execute(entry, argv.slice(entry.name.split(" ").length), io);
  }
  if (group.length === 0) {
    const words = [...new Set(commands.map((c) => c.name.split(" ")[0]!))];
    throw new UserError(unknownCommand(first, words));
  }
  const [second] = rest;
  if (second === undefined || second === "--help" || second === "-h") {
    io.out.write(overview(group));
    return EXIT.ok;
  }
  throw new UserError(
    unknownCommand(
      `${first} ${second}`,
      group.map((c) => c.name),
    ),
  );
}

/** The list of commands, with one line for each. */
function overview(list: readonly CommandEntry[] = commands): string {
  const width = Math.max(...list.map((c) => c.name.length));
  const rows = list.map((c) => `  anec ${c.name.padEnd(width)}   ${c.summary}\n`);
  if (list !== commands) return `${rows.join("")}\nExample:\n  anec ${list[0]!.name} --help\n`;
  return `anec ${VERSION}: a compiler and trainer for small transformers

Usage: anec COMMAND …

${rows.join("")}
Example:
  anec train --model autoresearch --time 60

\`anec COMMAND --help\` has flags and examples. Exit codes: 0 fine, 1 the input is at fault,
2 the command line, 3 the machine, 70 a bug of ours, 130 stopped by Ctrl-C.
`;
}

/** Reads the flags of a command and runs it. */
async function execute(entry: CommandEntry, argv: readonly string[], io: Io): Promise<number> {
  const { command } = await entry.load();
  const parser = await parserOf(entry, command, io);
  try {
    parser.parse(argv, { from: "user" });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    if (error.code === "commander.helpDisplayed") return EXIT.ok;
    throw new UserError(usageError(error, parser));
  }
  const call: Call<unknown> = { io, args: parser.args, flags: parser.opts() };
  return command.run(call);
}

async function parserOf(entry: CommandEntry, command: CommandFile, io: Io): Promise<Command> {
  const { Command } = await import("commander");
  const parser = new Command(`anec ${entry.name}`)
    .summary(entry.summary)
    .description(`${entry.summary[0]!.toUpperCase()}${entry.summary.slice(1)}.`)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: () => {},
      getOutHelpWidth: () => io.out.columns,
    })
    .action(() => {});
  command.define(parser);
  const title = command.examples.length === 1 ? "Example:" : "Examples:";
  parser.addHelpText("after", `\n${title}\n${command.examples.map((e) => `  ${e}`).join("\n")}`);
  return parser;
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && error.name === "CommanderError";
}

/** Commander's complaints in our words. It says only in prose which flag it means. */
function usageError({ code, message }: CommanderError, parser: Command): Diagnostic {
  const name = parser.name();
  const named = /'([^']*)'/.exec(message)?.[1] ?? "";
  const usage = `${name} ${parser.usage()}`;
  switch (code) {
    case "commander.unknownOption": {
      const flags = parser.options.flatMap((o) => [o.long, o.short].filter((f) => f !== undefined));
      return unknownFlag(named, name, [...flags, "--help"], foreignFlags[named]);
    }
    case "commander.missingMandatoryOptionValue":
      return missingArgument(name, named, usage);
    case "commander.missingArgument":
      return missingArgument(name, `<${named}>`, usage);
    case "commander.excessArguments":
      return tooManyArguments(name, parser.args.slice(parser.registeredArguments.length), usage);
    case "commander.optionMissingArgument":
      return flagNeedsValue(named);
    default:
      return bug(`commander says ${code}: ${message}`);
  }
}
