/** The folder that the compile service reads. */
import { defineFact, type Finding, reported } from "./define.ts";

export const programFolder = defineFact({
  id: "program_folder",
  statement:
    "The program and its weights must stand in `$TMPDIR/<identifier>/` before the compile, and nowhere else.",
  kind: "runtime",
  evidence: [
    reported("maderix/ANE", "writes them first, as all projects on this path do"),
    reported("ddalcu/mlx-serve", "the service reads no other folder, M4 Max"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.folderWritten === false)
      yield { title: "the program's folder was not written before the compile" };
  },
  apple: "_ANECompiler : ANECCompile() FAILED",
  workaround: "write `model.mil` and `weights/` there first; they may be deleted after the load",
  emulator: "reads the same folder",
  examples: {
    fires: { chip: "m3", handover: { folderWritten: false } },
    silent: { chip: "m3", handover: { folderWritten: true } },
  },
});
