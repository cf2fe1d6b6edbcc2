/** `anec mil fmt`: MIL programs in the canonical layout. A file with syntax errors stays as it is. */
import type { Command } from "commander";
import { milCommentsLost } from "../../compiler/messages/mil.ts";
import { flagsConflict, missingArgument, tooManyArguments } from "../../compiler/messages/usage.ts";
import { commentsOf } from "../../compiler/mil/comments.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { type Call, EXIT } from "../command.ts";
import { exitCodeOf, printDiagnostics } from "../failures.ts";
import { readText } from "../mil_files.ts";
import { count } from "../output.ts";

interface Flags {
  readonly check?: boolean;
  readonly write?: boolean;
  readonly stdin?: boolean;
}

const USAGE = "anec mil fmt [options] [files...]";

export const command = {
  examples: [
    "anec mil fmt model.mil > canonical.mil",
    "anec mil fmt --write model.mil",
    "anec mil fmt --check *.mil",
    "anec mil fmt --stdin < model.mil",
  ],

  define(c: Command): void {
    c.argument("[files...]", ".mil files; one, unless --check or --write is given")
      .option("--check", "print nothing but the names of files that would change, and exit with 1")
      .option("--write", "rewrite the files in place instead of printing them")
      .option("--stdin", "format standard input to standard output");
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    checkUsage(args, flags);
    const isCheck = flags.check === true;
    const isPrinted = !isCheck && flags.write !== true;
    const paths = flags.stdin === true ? ["<stdin>"] : args;
    let changed = 0;
    const failed: Diagnostic[] = [];
    for (const path of paths) {
      try {
        const source = flags.stdin === true ? { path, text: await io.readStdin() } : readText(path);
        const formatted = printMil(parseMil(source));
        const isChange = formatted !== source.text;
        if (isChange) changed += 1;
        const lost = commentsLost(source, flags.write === true);
        if (flags.write === true && lost.length > 0) throw new UserError(lost);
        printDiagnostics(io, lost);
        if (isPrinted) io.out.write(formatted);
        if (!isChange || isPrinted) continue;
        if (!isCheck) writeFileBytes(path, new TextEncoder().encode(formatted));
        io.out.write(`${isCheck ? "would change" : "formatted"} ${path}\n`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed.push(...error.diagnostics);
      }
    }
    printDiagnostics(io, failed);
    if (!isPrinted && changed === 0 && failed.length === 0)
      io.out.write(`${count(paths.length, "file")} in canonical layout\n`);
    if (failed.length > 0) return exitCodeOf(failed);
    return isCheck && changed > 0 ? EXIT.input : EXIT.ok;
  },
};

function checkUsage(args: readonly string[], flags: Flags): void {
  const fail = (d: Diagnostic): never => {
    throw new UserError(d);
  };
  if (flags.check === true && flags.write === true)
    fail(flagsConflict("--check", "--write", "The one changes nothing, the other files."));
  if (flags.stdin === true && flags.write === true)
    fail(flagsConflict("--stdin", "--write", "Standard input cannot be written to."));
  if (flags.stdin === true && args.length > 0)
    fail(flagsConflict("--stdin", args[0]!, "The text comes from standard input or from files."));
  if (flags.stdin !== true && args.length === 0)
    fail(missingArgument("anec mil fmt", "<files...>", USAGE));
  const isPrinted = flags.check !== true && flags.write !== true;
  if (isPrinted && args.length > 1) fail(tooManyArguments("anec mil fmt", args.slice(1), USAGE));
}

/** What is said of a text with comments: that they go, or that the file stays because of them. */
function commentsLost(source: SourceFile, isLoss: boolean): Diagnostic[] {
  const comments = commentsOf(source);
  const [first] = comments;
  return first === undefined ? [] : [milCommentsLost(first, comments.length, isLoss)];
}
