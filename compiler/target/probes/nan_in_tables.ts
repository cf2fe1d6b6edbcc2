/** Functions that are read from tables, at NaN and at infinities. */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, reading, rows, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[Infinity, NaN]], W) };

export const nanInTables = defineProbe({
  name: "nan_in_tables",
  asks: "Do functions that are read from tables turn infinities and NaN into numbers?",
  steps: () => [
    run("log", [x], (b) => b.log(b.input("x"), 0)),
    run("sigmoid", [x], (b) => b.sigmoid(b.input("x"))),
  ],
  claims: [
    factClaim("nan_in_tables", {
      holds: "ends of tables",
      otherwise: "as in IEEE arithmetic",
      needs: ["log", "sigmoid"],
      read: (o) => {
        const [log, sigmoid] = [outputOf(o, "log"), outputOf(o, "sigmoid")];
        const found = { log_of_infinity: log[0]!, sigmoid_of_nan: sigmoid[1]! };
        // The last point of the table is sigmoid(8), which is 1 to three digits.
        const isEnd = found.log_of_infinity === 0 && found.sigmoid_of_nan > 0.99;
        if (isEnd) return reading("ends of tables", found);
        return matching(found, { "as in IEEE arithmetic": [Infinity, NaN] });
      },
    }),
  ],
});
