/** Removes arithmetic that cannot change a value. */
import { constantValue } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { bind, hole, p, type Rule, rule } from "../compiler/ir/pattern.ts";
import { sameShape } from "../compiler/ir/types.ts";
import { add } from "../compiler/ops/add.ts";
import { broadcast } from "../compiler/ops/broadcast.ts";
import { constant, opOf } from "../compiler/ops/define.ts";
import { mul } from "../compiler/ops/mul.ts";
import { reshape } from "../compiler/ops/reshape.ts";
import { sub } from "../compiler/ops/sub.ts";
import { transpose } from "../compiler/ops/transpose.ts";
import { type Pass, rulePass } from "./pass.ts";

const x = hole("x");
const y = hole("y");
const c = hole("c", (node) => constantValue(node) !== undefined);
const d = hole("d", (node) => constantValue(node) !== undefined);

/** `value` in the shape of the node it replaces. */
const like = (value: Node, matched: Node): Node => broadcast(value, matched.type.shape);

const perm = (node: Node) => node.attrs["perm"] as readonly number[];

/** Arithmetic on two constants, done now. */
const fold = (name: string): Rule =>
  rule(`${name} of constants`, p(name, c, d), (b, node) => {
    const values = [b["c"]!, b["d"]!].map((n) => ({
      shape: [],
      data: Float64Array.of(constantValue(n)!),
    }));
    return constant(node.scope, opOf(node).eval(values, {}, node.type).data[0]!, node.type.dtype);
  });

export const simplifyRules: readonly Rule[] = [
  ...["add", "sub", "mul", "div"].map(fold),
  rule("x · 1 = x", p("mul", x, 1), ({ x }, m) => like(x!, m)),
  rule("x · broadcast(c) = x · c", p("mul", x, p("broadcast", c)), ({ x, c }, m) =>
    sameShape(x!.type.shape, m.type.shape) ? mul(x!, c!) : undefined,
  ),
  rule("x / 1 = x", p("div", x, 1), ({ x }, m) => like(x!, m)),
  rule("x + 0 = x", p("add", x, 0), ({ x }, m) => like(x!, m)),
  rule("x − 0 = x", p("sub", x, 0), ({ x }, m) => like(x!, m)),
  rule("−(−x) = x", p("neg", p("neg", x)), ({ x }) => x!),
  rule("x / c = x · (1/c)", p("div", x, c), ({ x, c }) => {
    const inverse = 1 / constantValue(c!)!;
    return Number.isFinite(inverse) && inverse !== 0 ? mul(x!, inverse) : undefined;
  }),
  rule("(x · c) · d = x · (c·d)", p("mul", p("mul", x, c), d), ({ x, c, d }) =>
    constantValue(x!) === undefined ? mul(x!, constantValue(c!)! * constantValue(d!)!) : undefined,
  ),
  rule("x + (−y) = x − y", p("add", x, p("neg", y)), ({ x, y }) => sub(x!, y!)),
  rule("x − (−y) = x + y", p("sub", x, p("neg", y)), ({ x, y }) => add(x!, y!)),
  rule(
    "(xᵀ)ᵀ = x, transposes compose",
    bind("o", p("transpose", bind("i", p("transpose", x)))),
    (b) => {
      const inner = perm(b["i"]!);
      return transpose(
        b["x"]!,
        perm(b["o"]!).map((axis) => inner[axis]!),
      );
    },
  ),
  rule("a transpose that moves nothing", bind("t", p("transpose", x)), ({ t, x }) =>
    perm(t!).every((axis, i) => axis === i) ? x! : undefined,
  ),
  rule("reshapes compose", bind("r", p("reshape", p("reshape", x))), ({ r, x }) =>
    reshape(x!, r!.type.shape),
  ),
  rule("a reshape to the same shape", bind("r", p("reshape", x)), ({ r, x }) =>
    reshape(x!, r!.type.shape),
  ),
  rule("a broadcast to the same shape", bind("r", p("broadcast", x)), ({ r, x }) =>
    broadcast(x!, r!.type.shape),
  ),
];

export const simplify: Pass = rulePass({
  name: "simplify",
  doc: "removes arithmetic that cannot change a value",
  rules: simplifyRules,
});
