/** `anec mil check`: mistakes in MIL files, what a chip would refuse of them, and mends. */
import type { Command } from "commander";
import { milCommentsLost } from "../../compiler/messages/mil.ts";
import { missingArgument } from "../../compiler/messages/usage.ts";
import { checkMil } from "../../compiler/mil/check.ts";
import { commentsOf } from "../../compiler/mil/comments.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { type ChipTarget, checkForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import { writeFileBytes } from "../../formats/files.ts";
import { type ChipFlags, chipFlags } from "../chip_flag.ts";
import { type Call, EXIT } from "../command.ts";
import { diagnosticJson, printDiagnostics } from "../failures.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { readText, weightFilesOf } from "../mil_files.ts";
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
    const source = readText(path);
    const program = parseMil(source);
    if (chip === undefined) return { path, diagnostics: checkMil(program), mended: [] };
    const target = { chip, ...(os === undefined ? {} : { os }), files: weightFilesOf(path) };
    const found = (p: typeof program): Diagnostic[] => [...checkMil(p), ...checkForChip(p, target)];
    if (fix !== true) return { path, diagnostics: found(program), mended: [] };
    return mend(source, program, target, found);
  } catch (error) {
    if (error instanceof UserError) return { path, diagnostics: error.diagnostics, mended: [] };
    throw error;
  }
}

type Program = ReturnType<typeof parseMil>;

function mend(
  source: SourceFile,
  program: Program,
  target: ChipTarget,
  found: (p: Program) => Diagnostic[],
): Checked {
  const { path } = source;
  const { program: mended, applied } = fixForChip(program, target);
  if (applied.length === 0) return { path, diagnostics: found(program), mended: [] };
  const text = printMil(mended);
  writeFileBytes(path, new TextEncoder().encode(text));
  const comments = commentsOf(source);
  const lost = comments.length === 0 ? [] : [milCommentsLost(comments[0]!, comments.length, false)];
  // What is left is said of the text as it is now.
  return { path, diagnostics: [...lost, ...found(parseMil({ path, text }))], mended: applied };
}
