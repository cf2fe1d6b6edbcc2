/** How far elementwise results reach: to 65,504, twice as far as sums of products. */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, rows, run } from "./steps.ts";

const W = 32;
const given = (name: string, values: readonly number[]) => ({
  name,
  shape: [1, 1, 1, W],
  values: rows([values], W),
});

export const elementwiseRange = defineProbe({
  name: "elementwise_range",
  asks: "Are elementwise results finite up to 65,504?",
  steps: () => [
    run("sum", [given("a", [20000, 0]), given("x", [40000, 65504])], (b) =>
      b.add(b.input("x"), b.input("a")),
    ),
    run("product", [given("x", [256])], (b) => b.mul(b.input("x"), b.input("x"))),
  ],
  claims: [
    factClaim("elementwise_range", {
      holds: "to 65,504",
      otherwise: "another limit",
      needs: ["sum", "product"],
      read: (o) => {
        const sum = outputOf(o, "sum");
        const found = { sum: sum[0]!, most: sum[1]!, product: outputOf(o, "product")[0]! };
        const read = matching(found, { "to 65,504": [60000, 65504, Infinity] });
        return { ...read, answer: read.answer ?? "another limit" };
      },
    }),
  ],
});
