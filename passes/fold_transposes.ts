/**
 * Lets a product read a transposed operand instead of moving it.
 *
 *     matmul(x, transpose(y))  =  matmul(x, y) {transpose_y: true}
 */
import type { Node } from "../compiler/ir/node.ts";
import { bind, hole, p, type Rule, rule } from "../compiler/ir/pattern.ts";
import { matmul } from "../compiler/ops/matmul.ts";
import { type Pass, rulePass } from "./pass.ts";

const x = hole("x");
const y = hole("y");

/** Whether a transpose swaps the last two axes and nothing else. */
function swapsLastTwo(node: Node): boolean {
  const perm = node.attrs["perm"] as readonly number[];
  const n = perm.length;
  return (
    n >= 2 && perm.every((axis, i) => axis === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i))
  );
}

const isSet = (node: Node, name: string) => node.attrs[name] === true;

export const foldTransposeRules: readonly Rule[] = [
  rule(
    "xᵀ @ y reads x",
    bind("m", p("matmul", bind("t", p("transpose", x)), y)),
    ({ m, t, x, y }) =>
      swapsLastTwo(t!)
        ? matmul(x!, y!, {
            transpose_x: !isSet(m!, "transpose_x"),
            transpose_y: isSet(m!, "transpose_y"),
          })
        : undefined,
  ),
  rule(
    "x @ yᵀ reads y",
    bind("m", p("matmul", x, bind("t", p("transpose", y)))),
    ({ m, t, x, y }) =>
      swapsLastTwo(t!)
        ? matmul(x!, y!, {
            transpose_x: isSet(m!, "transpose_x"),
            transpose_y: !isSet(m!, "transpose_y"),
          })
        : undefined,
  ),
];

export const foldTransposes: Pass = rulePass({
  name: "fold_transposes",
  doc: "lets products read transposed operands where they are",
  establishes: ["canonical"],
  rules: foldTransposeRules,
});
