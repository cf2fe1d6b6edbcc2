/** `gather` at places that are inputs. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { argument, atArgument, isConstant, sites } from "./walk.ts";

export const dynamicGather = defineFact({
  id: "dynamic_gather",
  statement: "`gather` with indices that are computed or given while the program runs is refused.",
  kind: "reject",
  ops: ["gather", "gather_along_axis", "gather_nd"],
  evidence: [
    reported("jafreck/ironmill op support matrix", "only the dynamic form fails, M3 Pro"),
    reported("imperatormk/ane-train", "refused, M1"),
    against("computer-graphics-tools/ane", "uint16 indices work on its path"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      if (isConstant(view, argument(s, "indices")?.value)) continue;
      yield atArgument(
        s,
        "indices",
        `\`${s.op}\` has indices that are not constant`,
        "not a constant",
      );
    }
  },
  workaround: "look up rows on the host, or multiply by a one-hot matrix",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      `${fp16("x", [64, 32])}, tensor<uint16, [8]> at`,
      line("y", [8, 32], "gather(x = x, indices = at, axis = int32(0))"),
    ),
    silent: program(
      fp16("x", [64, 32]),
      `${constant("tensor<uint16, [2]>", "at", "[3, 4]")}\n${line("y", [2, 32], "gather(x = x, indices = at, axis = int32(0))")}`,
    ),
  },
});
