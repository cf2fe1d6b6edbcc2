/** Activations at places where a fitted table is far from the function. */
import { defineProbe, factClaim } from "./define.ts";
import { outputOf, reading, rows, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[0.5, 0.25]], W) };

const near = (value: number, expected: number): boolean => Math.abs(value - expected) < 1.5e-3;

export const tableFunctions = defineProbe({
  name: "table_functions",
  asks: "Are `silu` and `gelu` read from tables that are fitted to them?",
  steps: () => [
    run("silu", [x], (b) => b.silu(b.input("x"))),
    run("gelu", [x], (b) => b.gelu(b.input("x"), "EXACT")),
  ],
  claims: [
    factClaim("table_functions", {
      holds: "tables",
      otherwise: "the functions",
      needs: ["silu", "gelu"],
      read: (o) => {
        const [silu, gelu] = [outputOf(o, "silu")[0]!, outputOf(o, "gelu")[1]!];
        // Published: 0.296 and 0.1436. The functions: 0.3112 and 0.1497.
        const answer =
          near(silu, 0.296) && near(gelu, 0.1436)
            ? "tables"
            : near(silu, 0.3112) && near(gelu, 0.1497)
              ? "the functions"
              : undefined;
        return reading(answer, { silu, gelu });
      },
    }),
  ],
});
