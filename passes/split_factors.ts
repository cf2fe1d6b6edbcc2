/**
 * Splits factors that fp16 cannot hold into two that it can.
 *
 *     x · 100000  =  (x · 256) · 390.625
 *
 * Beyond 65,504 a constant would become infinite, and below 2^-14 it would lose its digits. One of the
 * two factors is a power of two, which costs no digit.
 */
import { constantValue } from "../compiler/ir/graph.ts";
import { hole, p, rule } from "../compiler/ir/pattern.ts";
import { mul } from "../compiler/ops/mul.ts";
import { HALF_MAX } from "../compiler/support/half.ts";
import { type Pass, rulePass } from "./pass.ts";

/** The smallest fp16 number with all its digits. */
const HALF_MIN = 2 ** -14;

const x = hole("x");
const c = hole("c", (node) => {
  const size = Math.abs(constantValue(node) ?? 1);
  return Number.isFinite(size) && size !== 0 && (size > HALF_MAX || size < HALF_MIN);
});

export const splitFactors: Pass = rulePass({
  name: "split_factors",
  doc: "splits factors that fp16 cannot hold into two that it can",
  rules: [
    rule("x · c = (x · 2^k) · (c / 2^k)", p("mul", x, c), (b) => {
      const value = constantValue(b["c"]!)!;
      const isLarge = Math.abs(value) > HALF_MAX;
      // The power of two is as large, or as small, as fp16 holds exactly, and no more than is needed.
      const exponent = isLarge
        ? Math.min(15, Math.ceil(Math.log2(Math.abs(value) / HALF_MAX)))
        : Math.max(-14, Math.floor(Math.log2(Math.abs(value) / HALF_MIN)));
      return mul(mul(b["x"]!, 2 ** exponent), value / 2 ** exponent);
    }),
  ],
});
