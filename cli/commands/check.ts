/** `anec check`: every error and warning of files, all entries and all layers looked at. */
import type { Command } from "commander";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { check } from "../../dsl/index.ts";
import { type Call, EXIT } from "../command.ts";
import { diagnosticJson, printDiagnostics } from "../failures.ts";
import { type DefineFlag, defineFlag, type JsonFlag, jsonFlag, overridesOf } from "../flags.ts";
import { openSource } from "../models.ts";
import { count, jsonLine } from "../output.ts";

export const command = {
  examples: ["anec check my.ane", "anec check *.ane -D S=64", "anec check my.ane --json"],

  define(c: Command): void {
    c.argument("<files...>", ".ane files, or names of models");
    defineFlag(c);
    jsonFlag(c, "print the diagnostics as JSON on standard output");
  },

  run({ io, args, flags }: Call<DefineFlag & JsonFlag>): number {
    const overrides = overridesOf(flags);
    const found = args.flatMap((file) => diagnosticsOf(file, overrides));
    const errors = found.filter((d) => d.severity === "error").length;
    if (flags.json === true) io.out.write(jsonLine({ diagnostics: found.map(diagnosticJson) }));
    else {
      printDiagnostics(io, found);
      const rest = found.length - errors;
      const what =
        found.length === 0
          ? "no mistakes"
          : [errors > 0 ? count(errors, "error") : "", rest > 0 ? count(rest, "warning") : ""]
              .filter((t) => t !== "")
              .join(", ");
      if (found.length > 0) io.out.write("\n");
      io.out.write(`${count(args.length, "file")}: ${what}\n`);
    }
    return errors > 0 ? EXIT.input : EXIT.ok;
  },
};

/** A file that cannot be read is one more mistake: the other files are looked at all the same. */
function diagnosticsOf(
  file: string,
  overrides: Readonly<Record<string, number>>,
): readonly Diagnostic[] {
  try {
    return check(openSource(file), { overrides });
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics;
    throw error;
  }
}
