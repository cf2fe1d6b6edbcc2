/** Deployment targets that are known to work. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

const KNOWN = ["ios15", "ios16", "ios17", "ios18"];
const text = program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"));

export const opset = defineFact({
  id: "opset",
  statement: "Functions for ios16 to ios18 compile; newer targets are seen in few programs.",
  kind: "warn",
  evidence: [
    reported("maderix/ANE", "ios18 from M1 to M5"),
    reported("imperatormk/ane-train", "ios16, M1"),
    reported("liuliu/ccv", "ios19 through the public path"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      if (!KNOWN.includes(f.opset))
        yield { title: `functions for \`${f.opset}\` are not proven on the engine`, span: f.span };
    }
  },
  workaround: "write `func main<ios18>`",
  emulator: "accepts any",
  examples: { fires: text.replace("ios18", "ios26"), silent: text },
});
