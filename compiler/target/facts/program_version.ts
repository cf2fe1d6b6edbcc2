/** Versions of programs that are known to work. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

const text = program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"));

export const programVersion = defineFact({
  id: "program_version",
  statement:
    "Programs of version 1.3 compile on every chip and system tried, those of 1.0 on most; others are not proven.",
  kind: "warn",
  evidence: [
    reported("maderix/ANE", "1.3 from M1 to M5, macOS 15 to 26"),
    reported("imperatormk/ane-train", "1.0, M1"),
    reported("maderix/ANE pull 35", "1.5 for constant weights on M5, not merged"),
  ],
  *check({ program: p }): Generator<Finding> {
    if (p.version !== "1.0" && p.version !== "1.3")
      yield {
        title: `programs of version ${p.version} are not proven on the engine`,
        span: p.span,
      };
  },
  workaround: "write `program(1.3)` and `func main<ios18>`",
  emulator: "accepts 1.0 and 1.3",
  examples: { fires: text.replace("1.3", "1.5"), silent: text },
});
