/** Slices of what comes in. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atArgument, sites } from "./walk.ts";

const slice = (x: string): string =>
  `slice_by_index(x = ${x}, begin = tensor<int32, [4]>([0, 0, 0, 0]), end = tensor<int32, [4]>([1, 32, 1, 32]))`;

export const sliceOfInput = defineFact({
  id: "slice_of_input",
  statement:
    "`slice_by_index` of an input is refused in programs with a norm, a convolution and attention.",
  kind: "reject",
  ops: ["slice_by_index"],
  evidence: [
    reported("christopherkarani/Espresso docs", "InvalidMILProgram, M3 Max, macOS 15"),
    against("joshuarossi/mlx-bun", "slices both inputs into eight, M4 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const x = argument(s, "x")?.value;
      if (x?.kind === "name" && view.inputs.has(x.name))
        yield atArgument(s, "x", `\`slice_by_index\` of input \`${x.name}\``, "an input");
    }
  },
  workaround: "use `slice_by_size`, or slice a result",
  emulator: "accepts it",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 32, 1, 32], slice("x"))),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${line("h", [1, 64, 1, 32], "relu(x = x)")}\n${line("y", [1, 32, 1, 32], slice("h"))}`,
    ),
  },
});
