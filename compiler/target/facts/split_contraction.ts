/** Cuts the reduction of a matmul into parts of at most `longest`, and adds their results. */

import type { Value } from "../../mil/tree.ts";
import type { ChipName } from "../chip_names.ts";
import type { Fix } from "./define.ts";
import { replacing } from "./rewrite.ts";
import { argument, contraction, int, operand, result } from "./walk.ts";

/** A sum of more parts is no mend: the program would be all slices, and its own graph too deep. */
const MOST_PARTS = 64;

/**
 *     y = x · w     ⇒     y = x[.., :K/2] · w[:K/2, ..] + x[.., K/2:] · w[K/2:, ..]
 */
export function splitContraction(longest: (chip: ChipName) => number): Fix {
  return (c) =>
    replacing((site, emit) => {
      const k = contraction(site) ?? 0;
      const limit = longest(c.chip);
      const [x, y] = [operand(site, "x"), operand(site, "y")];
      const out = result(site.s);
      if (site.s.op !== "matmul" || k <= limit * 2 || !x || !y || !out) return false;
      if (k > limit * MOST_PARTS) return false;
      const flags = {
        transpose_x: int(site, "transpose_x", 0) !== 0,
        transpose_y: int(site, "transpose_y", 0) !== 0,
      };
      const axis = { x: flags.transpose_x ? -2 : -1, y: flags.transpose_y ? -1 : -2 };
      const part = (
        name: "x" | "y",
        shape: readonly number[],
        from: number,
        size: number,
      ): Value => {
        const at = shape.length + axis[name];
        const box = shape.map((n, i) => (i === at ? size : n));
        const begin = shape.map((_, i) => (i === at ? from : 0));
        const args = { x: argument(site.s, name)!.value, begin, size: box };
        return emit.add("slice_by_size", { element: out.element, shape: box }, args);
      };
      let sum: Value | undefined;
      for (let from = 0; from < k; from += limit) {
        const size = Math.min(limit, k - from);
        const args = {
          x: part("x", x.shape, from, size),
          y: part("y", y.shape, from, size),
          ...flags,
        };
        const product = emit.add("matmul", out, args);
        const last = from + size === k ? site.s.results[0]!.name : undefined;
        sum = sum === undefined ? product : emit.add("add", out, { x: sum, y: product }, last);
      }
      return true;
    })(c);
}
