/** `anec fmt`: files in the canonical layout. A file with syntax errors stays as it is. */
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../../compiler/messages/usage.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { format } from "../../dsl/index.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { type Call, EXIT } from "../command.ts";
import { exitCodeOf, printDiagnostics } from "../failures.ts";
import { readSource } from "../models.ts";
import { count } from "../output.ts";

interface Flags {
  readonly check?: boolean;
  readonly stdin?: boolean;
}

export const command = {
  examples: ["anec fmt my.ane", "anec fmt --check *.ane", "anec fmt --stdin < my.ane"],

  define(c: Command): void {
    c.argument("[files...]", ".ane files, rewritten in place")
      .option("--check", "change nothing; name the files that would change, and exit with 1")
      .option("--stdin", "format standard input to standard output");
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const isCheck = flags.check === true;
    if (flags.stdin === true) {
      if (args.length > 0) {
        throw new UserError(
          flagsConflict("--stdin", args[0]!, "The text comes from standard input or from files."),
        );
      }
      const text = await io.readStdin();
      const formatted = format({ path: "<stdin>", text });
      if (!isCheck) io.out.write(formatted);
      return isCheck && formatted !== text ? EXIT.input : EXIT.ok;
    }
    if (args.length === 0)
      throw new UserError(
        missingArgument("anec fmt", "<files...>", "anec fmt [options] [files...]"),
      );

    let changed = 0;
    const failed: Diagnostic[] = [];
    for (const path of args) {
      try {
        const source = readSource(path);
        const formatted = format(source);
        if (formatted === source.text) continue;
        changed += 1;
        if (!isCheck) writeFileBytes(path, new TextEncoder().encode(formatted));
        io.out.write(`${isCheck ? "would change" : "formatted"} ${path}\n`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed.push(...error.diagnostics);
      }
    }
    printDiagnostics(io, failed);
    if (changed === 0 && failed.length === 0)
      io.out.write(`${count(args.length, "file")} in canonical layout\n`);
    if (failed.length > 0) return exitCodeOf(failed);
    return isCheck && changed > 0 ? EXIT.input : EXIT.ok;
  },
};
