/** `linear` as an op of its own. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atOp, result, sites } from "./walk.ts";

export const linearOp = defineFact({
  id: "linear_op",
  statement: "`linear` is refused; `matmul` is not.",
  kind: "reject",
  ops: ["linear"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "0 of 2 programs compile, raw compiler entry, for M1 and M2",
    ),
    against("sbryngelson/ANEForge", "runs through e5rt, M1 to M5"),
    against("751K M6 study", "one of the ops that Apple's segmenter places on the engine, M4"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, "`linear` may be refused", "linear");
  },
  workaround: "use `matmul` with `transpose_y`, and `add` for the bias",
  fix: replacing((site, emit) => {
    const { s } = site;
    const [x, weights, bias, out] = [
      argument(s, "x"),
      argument(s, "weight"),
      argument(s, "bias"),
      result(s),
    ];
    const name = s.results[0]?.name;
    if (s.op !== "linear" || x === undefined || weights === undefined || out === undefined)
      return false;
    const flags = { transpose_x: false, transpose_y: true };
    const product = emit.add(
      "matmul",
      out,
      { x: x.value, y: weights.value, ...flags },
      bias === undefined ? name : undefined,
    );
    if (bias !== undefined) emit.add("add", out, { x: product, y: bias.value }, name);
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [32, 64]),
      [
        weight("w", [32, 64]),
        weight("b", [32], 4288),
        line("y", [32, 32], "linear(x = x, weight = w, bias = b)"),
      ].join("\n"),
    ),
    silent: program(
      fp16("x", [32, 64]),
      `${weight("w", [32, 64])}\n${line("y", [32, 32], "matmul(x = x, y = w, transpose_y = bool(true))")}`,
    ),
  },
});
