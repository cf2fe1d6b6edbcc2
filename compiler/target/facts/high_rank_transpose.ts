/** Five dimensions, a transpose and a product. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, operand, sites } from "./walk.ts";

export const highRankTranspose = defineFact({
  id: "high_rank_transpose",
  statement: "A program with `matmul` and a `transpose` of five dimensions does not compile.",
  kind: "warn",
  ops: ["transpose", "matmul"],
  evidence: [reported("sbryngelson/ANEForge", "through e5rt")],
  *check(c): Generator<Finding> {
    for (const site of sites(c, "transpose")) {
      if ((operand(site, "x")?.shape.length ?? 0) < 5) continue;
      if (site.view.f.body.some((s) => s.op === "matmul"))
        yield atOp(site.s, "`transpose` of five dimensions beside `matmul`", "rank 5");
    }
  },
  workaround: "merge dimensions, so that four are left",
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("a", [1, 1, 32, 64])}, ${fp16("x", [1, 2, 2, 16, 32])}`,
      [
        line(
          "t",
          [1, 2, 2, 32, 16],
          "transpose(x = x, perm = tensor<int32, [5]>([0, 1, 2, 4, 3]))",
        ),
        line("r", [1, 1, 64, 32], "reshape(x = t, shape = tensor<int32, [4]>([1, 1, 64, 32]))"),
        line("y", [1, 1, 32, 32], "matmul(x = a, y = r)"),
      ].join("\n"),
    ),
    silent: program(
      fp16("x", [1, 2, 16, 32]),
      line("y", [1, 2, 32, 16], "transpose(x = x, perm = tensor<int32, [4]>([0, 1, 3, 2]))"),
    ),
  },
});
