/** Slices start at constant places. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atArgument, isConstant, sites } from "./walk.ts";

export const dynamicSlice = defineFact({
  id: "dynamic_slice",
  statement: "A slice whose begin is computed while the program runs is refused.",
  kind: "reject",
  ops: ["slice_by_index", "slice_by_size"],
  evidence: [
    reported(
      "751K M6 study, dispatch notes",
      "slice with dynamic begin is not supported, M4, macOS 27",
    ),
    reported("sbryngelson/ANEForge preflight", "dynamic slices need another generation than M1"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const begin = argument(s, "begin")?.value;
      if (begin === undefined || isConstant(view, begin)) continue;
      yield atArgument(s, "begin", `\`${s.op}\` starts at a computed place`, "not a constant");
    }
  },
  workaround: "slice on the host, or multiply by a matrix that selects",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      `${fp16("x", [1, 64, 1, 64])}, tensor<uint16, [4]> at`,
      line(
        "y",
        [1, 64, 1, 32],
        "slice_by_size(x = x, begin = at, size = tensor<int32, [4]>([1, 64, 1, 32]))",
      ),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 64]),
      line(
        "y",
        [1, 64, 1, 32],
        "slice_by_size(x = x, begin = tensor<int32, [4]>([0, 0, 0, 32]), size = tensor<int32, [4]>([1, 64, 1, 32]))",
      ),
    ),
  },
});
