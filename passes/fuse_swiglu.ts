/** Finds silu(gate) · up and makes it one op. */
import { hole, p, type Rule, rule } from "../compiler/ir/pattern.ts";
import { swiglu } from "../compiler/ops/swiglu.ts";
import { type Pass, rulePass } from "./pass.ts";

const gate = hole("gate");
const up = hole("up");

export const fuseSwigluRules: readonly Rule[] = [
  rule("silu(gate) · up = swiglu", p("mul", p("silu", gate), up), ({ gate, up }) =>
    swiglu(gate!, up!),
  ),
  rule(
    "gate · sigmoid(gate) · up = swiglu",
    p("mul", p("mul", gate, p("sigmoid", gate)), up),
    ({ gate, up }) => swiglu(gate!, up!),
  ),
];

export const fuseSwiglu: Pass = rulePass({
  name: "fuse_swiglu",
  doc: "makes silu(gate) · up one op",
  requires: ["canonical"],
  establishes: ["composite"],
  rules: fuseSwigluRules,
});
