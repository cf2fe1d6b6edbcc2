/** Where weight files are looked for. */
import { blobUses } from "./blobs.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";

const text = (path: string): string =>
  `${weight("w", [1, 64, 1, 1]).replace("@model_path/weights/weight.bin", path)}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`;

export const blobPath = defineFact({
  id: "blob_path",
  statement: "The path of a weight file starts with `@model_path/` and stays below it.",
  kind: "format",
  evidence: [
    reported("christopherkarani/Espresso", "cleans paths so, M3 Max"),
    reported(
      "ddalcu/mlx-serve",
      "the compile service cannot read outside the program's own folder, M4 Max",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { path, span } of blobUses(c)) {
      if (path.startsWith("@model_path/") && !path.split("/").includes("..")) continue;
      yield { title: `the weight file \`${path}\` is not below @model_path`, span };
    }
  },
  apple: "_ANECompiler : ANECCompile() FAILED",
  workaround: "write `@model_path/weights/NAME.bin` and put the file there",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text("weights/weight.bin")),
    silent: program(fp16("x", [1, 64, 1, 32]), text("@model_path/weights/w.bin")),
  },
});
