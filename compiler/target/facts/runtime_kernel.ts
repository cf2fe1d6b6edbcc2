/** Convolutions whose weights are inputs. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { argument, atArgument, isConstant, sites } from "./walk.ts";

export const runtimeKernel = defineFact({
  id: "runtime_kernel",
  statement:
    "`conv` with weights that are not constants is refused, or computes with other weights.",
  kind: "reject",
  ops: ["conv"],
  evidence: [
    reported("imperatormk/ane-train", "small and ungrouped only, depthwise is refused, M1"),
    reported(
      "skyfallsin field guide",
      "compiles; weights ignored, though they were written without the row stride, M3 Max",
    ),
    against("ncdrone/rustane", "works behind a transpose and a reshape, M4 Max"),
    against("751K M6 study, dispatch notes", "placed on the engine, M4, macOS 27"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const value = argument(s, "weight")?.value;
      if (value === undefined || isConstant(view, value)) continue;
      yield atArgument(
        s,
        "weight",
        "the weights of this `conv` are not constants",
        "not a constant",
      );
    }
  },
  workaround: "use `matmul`, whose operands may both be inputs",
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("w", [32, 64, 1, 1])}, ${fp16("x", [1, 64, 1, 32])}`,
      line("y", [1, 32, 1, 32], `conv(x = x, weight = w, ${convArguments()})`),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("w", [32, 64, 1, 1])}\n${line("y", [1, 32, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
    ),
  },
});
