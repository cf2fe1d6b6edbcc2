/** Scaling before a product costs a task, after it nothing. */
import type { Value } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import {
  argument,
  atArgument,
  int,
  isConstant,
  result,
  type Site,
  sites,
  source,
  tensorAt,
} from "./walk.ts";

/** The scaling that only this matmul reads. */
function scalingOf(site: Site, name: "x" | "y"): Site | undefined {
  const s = source(site, name);
  if (s?.op !== "mul" || (site.view.users.get(s.results[0]!.name) ?? []).length !== 1)
    return undefined;
  if (site.view.outputs.has(s.results[0]!.name)) return undefined;
  const factor = argument(s, "y")?.value;
  const isScalar = isConstant(site.view, factor) && tensorAt(site.view, factor)?.shape.length === 0;
  return isScalar ? { view: site.view, s } : undefined;
}

const inputs = `${fp16("a", [1, 1, 32, 64])}, ${fp16("b", [1, 1, 64, 32])}`;

export const scaleBeforeProduct = defineFact({
  id: "scale_before_product",
  statement:
    "A factor in front of a `matmul` is a task of its own. Behind it, the factor is part of the product and free.",
  kind: "cost",
  ops: ["matmul"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "tasks counted, for M1 and M2; the factor is one fp16 word",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      for (const name of ["x", "y"] as const) {
        if (scalingOf(site, name))
          yield atArgument(
            site.s,
            name,
            `\`${name}\` is scaled before the product`,
            "one more task",
          );
      }
    }
  },
  workaround: "multiply the result instead",
  // (a · s) @ (b · t) = (a @ b) · s · t
  fix: replacing((site, emit) => {
    const out = result(site.s);
    if (site.s.op !== "matmul" || out === undefined) return false;
    const factors: Value[] = [];
    // The operand without its factor.
    const bare = (name: "x" | "y"): Value | undefined => {
      const scaling = scalingOf(site, name);
      if (scaling === undefined) return argument(site.s, name)?.value;
      factors.push(argument(scaling.s, "y")!.value);
      return argument(scaling.s, "x")?.value;
    };
    const [x, y] = [bare("x"), bare("y")];
    if (x === undefined || y === undefined || factors.length === 0) return false;
    const flags = {
      transpose_x: int(site, "transpose_x", 0) !== 0,
      transpose_y: int(site, "transpose_y", 0) !== 0,
    };
    let product = emit.add("matmul", out, { x, y, ...flags });
    for (const [i, factor] of factors.entries()) {
      const name = i === factors.length - 1 ? site.s.results[0]!.name : undefined;
      product = emit.add("mul", out, { x: product, y: factor }, name);
    }
    return true;
  }),
  emulator: "counts the task",
  examples: {
    fires: program(
      inputs,
      `${constant("fp16", "s", "0.125")}\n${line("h", [1, 1, 32, 64], "mul(x = a, y = s)")}\n${line("y", [1, 1, 32, 32], "matmul(x = h, y = b)")}`,
    ),
    silent: program(
      inputs,
      `${constant("fp16", "s", "0.125")}\n${line("h", [1, 1, 32, 32], "matmul(x = a, y = b)")}\n${line("y", [1, 1, 32, 32], "mul(x = h, y = s)")}`,
    ),
  },
});
