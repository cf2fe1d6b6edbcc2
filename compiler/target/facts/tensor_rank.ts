/** Five dimensions are the most. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { ports, sites, tensorOf } from "./walk.ts";

export const tensorRank = defineFact({
  id: "tensor_rank",
  statement: "Tensors have at most five dimensions.",
  kind: "reject",
  evidence: [
    reported("sbryngelson/ANEForge op catalog", "rank 6 refused, M1 to M5"),
    reported("751K M6 study, dispatch notes", "rank 5 is the limit, M4, macOS 27"),
  ],
  *check(c): Generator<Finding> {
    const inputs = [...ports(c)].filter((p) => p.role === "input").map((p) => p.binding);
    for (const { type, name, span } of [
      ...inputs,
      ...[...sites(c)].flatMap(({ s }) => s.results),
    ]) {
      const rank = tensorOf(type)?.shape.length ?? 0;
      if (rank > 5) yield { title: `\`${name}\` has ${rank} dimensions`, span };
    }
  },
  workaround: "merge dimensions with `reshape`",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(fp16("x", [1, 2, 2, 2, 2, 32]), line("y", [1, 2, 2, 2, 2, 32], "relu(x = x)")),
    silent: program(fp16("x", [1, 2, 4, 2, 32]), line("y", [1, 2, 4, 2, 32], "relu(x = x)")),
  },
});
