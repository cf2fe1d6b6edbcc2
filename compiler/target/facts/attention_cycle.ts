/** A softmax and its whole gradient in one program. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, definition, type MilView, namesIn, sites } from "./walk.ts";

const SCORES = [1, 2, 32, 32];

/** Whether a sum is taken over a product that reads `name`. */
function isReduced(view: MilView, name: string): boolean {
  const products = (view.users.get(name) ?? []).filter((s) => s.op === "mul");
  return products.some((product) =>
    product.results.some((r) =>
      (view.users.get(r.name) ?? []).some((s) => s.op === "reduce_sum" || s.op === "reduce_mean"),
    ),
  );
}

/** Whether the probabilities are also an operand of a product of matrices. */
function isMultiplied(view: MilView, name: string): boolean {
  const readers = view.users.get(name) ?? [];
  const turned = readers.filter((s) => s.op === "transpose").flatMap((s) => s.results);
  const all = [...readers, ...turned.flatMap((r) => view.users.get(r.name) ?? [])];
  return all.some((s) => s.op === "matmul");
}

const statements = (gradient: string): string =>
  [
    line("s", SCORES, "matmul(x = q, y = k)"),
    line("p", SCORES, "softmax(x = s, axis = int32(-1))"),
    line("dv", SCORES, "matmul(x = p, y = da, transpose_x = bool(true))"),
    line("dp", SCORES, "matmul(x = da, y = v)"),
    gradient,
  ].join("\n");

const ports = ["da", "k", "q", "v"].map((name) => fp16(name, SCORES)).join(", ");
const whole = [
  line("pd", SCORES, "mul(x = p, y = dp)"),
  line(
    "r",
    [1, 2, 32, 1],
    "reduce_sum(x = pd, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
  ),
  line("d", SCORES, "sub(x = dp, y = r)"),
  line("ds", SCORES, "mul(x = p, y = d)"),
].join("\n");

export const attentionCycle = defineFact({
  id: "attention_cycle",
  statement:
    "The gradient of attention in one program, which reads the probabilities in a product and sums over another, was refused as a cycle.",
  kind: "warn",
  ops: ["softmax"],
  evidence: [
    reported(
      "fiale, generator sdpaBwdFused",
      "the recomputed forward and both halves of the gradient together are refused; each half alone compiles",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const name = s.results[0]?.name ?? "";
      const isFromProduct = s.args.some((a) =>
        namesIn(a.value).some((n) => definition(view, { kind: "name", name: n }) !== undefined),
      );
      if (isFromProduct && isMultiplied(view, name) && isReduced(view, name))
        yield atOp(s, "this softmax and its whole gradient are one program", name);
    }
  },
  apple: "Graph has a cycle path",
  workaround:
    "make two programs, or sum the products of the output and its gradient instead: they are equal",
  emulator: "accepts it",
  examples: {
    fires: program(ports, statements(whole), "ds, dv"),
    silent: program(ports, statements(line("ds", SCORES, "mul(x = da, y = dp)")), "ds, dv"),
  },
});
