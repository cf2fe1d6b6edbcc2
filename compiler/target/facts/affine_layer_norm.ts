/** `gamma` and `beta` of a layer norm. */

import type { Value } from "../../mil/tree.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atOp, axisFrom0, ints, result, sites } from "./walk.ts";

export const affineLayerNorm = defineFact({
  id: "affine_layer_norm",
  statement: "`layer_norm` with `gamma` or `beta` is refused; without them it is not.",
  kind: "reject",
  ops: ["layer_norm"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "17 programs of 7 forms, raw compiler entry, for M1 and M2",
    ),
    reported(
      "sbryngelson/ANEForge issue 149",
      "fails for some values and widths from 1,024 on, M2 Pro, macOS 26.5",
    ),
    against("sbryngelson/ANEForge", "other affine forms run through e5rt, M5 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      if (argument(s, "gamma") ?? argument(s, "beta"))
        yield atOp(s, "`layer_norm` has `gamma` or `beta`", "affine");
    }
  },
  workaround: "normalise without them, then `mul` and `add`",
  fix: replacing((site, emit) => {
    const { s } = site;
    const [gamma, beta, out] = [argument(s, "gamma"), argument(s, "beta"), result(s)];
    if (s.op !== "layer_norm" || out === undefined || (gamma ?? beta) === undefined) return false;
    const rest = s.args.filter((a) => a.name !== "gamma" && a.name !== "beta");
    const given = Object.fromEntries(rest.map((a) => [a.name, a.value]));
    const name = s.results[0]!.name;

    // gamma and beta have the normalised axes; in between, and behind, they broadcast.
    const rank = out.shape.length;
    const axes = (ints(site, "axes") ?? out.shape.map((_, i) => i)).map((i) => axisFrom0(i, rank));
    const shape = out.shape.map((n, i) => (axes.includes(i) ? n : 1));
    const aligned = axes.every((axis) => axis >= rank - axes.length);
    const spread = (value: Value): Value =>
      aligned ? value : emit.add("reshape", { ...out, shape }, { x: value, shape });

    let y = emit.add("layer_norm", out, given);
    if (gamma !== undefined) {
      const last = beta === undefined ? name : undefined;
      y = emit.add("mul", out, { x: y, y: spread(gamma.value) }, last);
    }
    if (beta !== undefined) emit.add("add", out, { x: y, y: spread(beta.value) }, name);
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("b", [64])}, ${fp16("g", [64])}, ${fp16("x", [1, 1, 32, 64])}`,
      line(
        "y",
        [1, 1, 32, 64],
        "layer_norm(x = x, axes = tensor<int32, [1]>([3]), gamma = g, beta = b, epsilon = fp16(0x1p-10))",
      ),
    ),
    silent: program(
      fp16("x", [1, 1, 32, 64]),
      `${constant("fp16", "e", "0x1p-10")}\n${line("y", [1, 1, 32, 64], "layer_norm(x = x, axes = tensor<int32, [1]>([3]), epsilon = e)")}`,
    ),
  },
});
