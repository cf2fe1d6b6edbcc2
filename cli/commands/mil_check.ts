/** `anec mil check`: mistakes in MIL files, what a chip would refuse of them, and mends. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { missingArgument } from "../../compiler/messages/usage.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { type ChipTarget, checkForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import type { BlobFiles } from "../../compiler/target/facts/walk.ts";
import { readFileBytes, writeFileBytes } from "../../formats/files.ts";
import { type ChipFlags, chipFlags } from "../chip_flag.ts";
import { type Call, EXIT } from "../command.ts";
import { diagnosticJson, printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { count, jsonLine } from "../output.ts";

interface Flags extends JsonFlag, ChipFlags {
  readonly fix?: boolean;
}

interface Checked {
  readonly path: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Facts that were mended. */
  readonly mended: readonly string[];
}

export const command = {
  examples: [
    "anec mil check model.mil",
    "anec mil check model.mil --chip m2",
    "anec mil check model.mil --chip m4 --os 26.3 --fix",
  ],

  define(c: Command): void {
    c.argument("<files...>", ".mil files");
    chipFlags(c, "say what this chip's engine would refuse, and how that is known");
    c.option("--fix", "mend what has a known mend, in place; needs --chip");
    jsonFlag(c, "print the diagnostics as JSON on standard output");
  },

  run({ io, args, flags }: Call<Flags>): number {
    if (flags.fix === true && flags.chip === undefined) {
      throw new UserError(
        missingArgument("anec mil check --fix", "--chip", "anec mil check FILE --chip m2 --fix"),
      );
    }
    const checked = args.map((path) => check(path, flags));
    const all = checked.flatMap((c) => c.diagnostics);
    const errors = all.filter((d) => d.severity === "error").length;
    if (flags.json === true) {
      const files = checked.map((c) => ({ ...c, diagnostics: c.diagnostics.map(diagnosticJson) }));
      io.out.write(jsonLine({ files }));
    } else {
      printDiagnostics(io, all);
      for (const { path, mended } of checked)
        if (mended.length > 0) io.out.write(`${path}: mended ${mended.join(", ")}\n`);
      const found =
        all.length === 0
          ? "nothing found"
          : `${count(errors, "error")}, ${count(all.length - errors, "warning")}`;
      io.out.write(`${count(args.length, "file")}: ${found}\n`);
      if (flags.chip !== undefined)
        io.out.write("Predicted from what is known (docs/facts); Apple's compiler decides.\n");
    }
    return errors > 0 ? EXIT.input : EXIT.ok;
  },
};

/** A file that cannot be read is one more mistake: the other files are looked at all the same. */
function check(path: string, { chip, os, fix }: Flags): Checked {
  try {
    const text = Buffer.from(readFileBytes(path)).toString("utf8");
    const program = parseMil({ path, text });
    if (chip === undefined) return { path, diagnostics: checkMil(program), mended: [] };
    const target = { chip, ...(os === undefined ? {} : { os }), files: filesBeside(path) };
    const found = (p: typeof program): Diagnostic[] => [...checkMil(p), ...checkForChip(p, target)];
    if (fix !== true) return { path, diagnostics: found(program), mended: [] };
    return mend(path, program, target, found);
  } catch (error) {
    if (error instanceof UserError) return { path, diagnostics: error.diagnostics, mended: [] };
    throw error;
  }
}

type Program = ReturnType<typeof parseMil>;

function mend(
  path: string,
  program: Program,
  target: ChipTarget,
  found: (p: Program) => Diagnostic[],
): Checked {
  const { program: mended, applied } = fixForChip(program, target);
  if (applied.length === 0) return { path, diagnostics: found(program), mended: [] };
  const text = printMil(mended);
  writeFileBytes(path, new TextEncoder().encode(text));
  // What is left is said of the text as it is now.
  return { path, diagnostics: found(parseMil({ path, text })), mended: applied };
}

/** Weight files where Apple's tools put them: `@model_path` is the folder of the program. */
function filesBeside(path: string): BlobFiles {
  const folder = dirname(path);
  const read = new Map<string, Uint8Array | undefined>();
  return (name) => {
    if (!read.has(name)) {
      const file = join(folder, name.replace(/^@model_path\/?/, ""));
      read.set(name, existsSync(file) ? readFileBytes(file) : undefined);
    }
    return read.get(name);
  };
}
