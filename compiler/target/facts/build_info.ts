/** A program without build information. */
import { milProgram } from "../../mil/build.ts";
import { find } from "../../mil/tree.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { BUILD_INFO, fp16, line, program } from "./examples.ts";

const text = program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"));

export const buildInfo = defineFact({
  id: "build_info",
  statement:
    "A program without `[buildInfo = …]` is not parsed; which versions it names does not matter.",
  kind: "format",
  evidence: [
    reported("skyfallsin field guide", "fails without; old versions run, M3 Max, macOS 26.3"),
    against("maderix/ANE pull 35", "shows a program without it, M5, macOS 26.3"),
  ],
  *check({ program: p }): Generator<Finding> {
    if (find(p.attributes, "buildInfo") === undefined)
      yield { title: "the program has no build information", span: p.span };
  },
  workaround: "copy the four entries that all known systems take",
  fix: ({ program: p }) => {
    if (find(p.attributes, "buildInfo") !== undefined) return p;
    return { ...p, attributes: [...p.attributes, ...milProgram([]).attributes] };
  },
  emulator: "accepts it",
  examples: { fires: text.replace(`${BUILD_INFO}\n`, ""), silent: text },
});
