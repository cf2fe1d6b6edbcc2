/** Two sizes of `topk` that fail. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, program } from "./examples.ts";
import { atArgument, int, sites } from "./walk.ts";

const text = (k: number): string =>
  `${fp16("y", [1, 64, 1, k])}, tensor<uint16, [1, 64, 1, ${k}]> at = topk(x = x, k = int32(${k}), axis = int32(3), ascending = bool(false), output_indices_dtype = string("uint16"));`;

export const topkSize = defineFact({
  id: "topk_size",
  statement: "`topk` of the largest 3 or 4 fails; 1, 2, 5 and more do not.",
  kind: "reject",
  ops: ["topk"],
  chips: ["m1", "m5"],
  evidence: [
    reported("sbryngelson/ANEForge", "k = 3 and 4 fail, M5"),
    reported("ane-guide", "a forbidden band of k, M1, where ANEForge's catalogue has no `topk`"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const k = int(site, "k", 1);
      if (k === 3 || k === 4) yield atArgument(site.s, "k", `\`topk\` of ${k} fails`, `k = ${k}`);
    }
  },
  workaround: "take 5 and drop the rest",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text(4)),
    silent: program(fp16("x", [1, 64, 1, 32]), text(5)),
  },
});
