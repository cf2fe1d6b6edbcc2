/** Halves between two fp16 numbers: away from zero, or to the even one. */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, rows, run } from "./steps.ts";

const W = 32;
const pair = (name: string, values: readonly number[]) => ({
  name,
  shape: [1, 1, 1, W],
  values: rows([values], W),
});

const AWAY = "away from zero";
const EVEN = "to the even one";

export const halfAway = defineProbe({
  name: "half_away",
  asks: "Is a half between two fp16 numbers rounded away from zero?",
  steps: () => [
    run("sum", [pair("a", [2048, 2050, -4096]), pair("b", [1, 1, -2])], (b) =>
      b.add(b.input("a"), b.input("b")),
    ),
    run(
      "product",
      [
        {
          name: "w",
          shape: [1, 1, W, W],
          values: rows(
            Array.from({ length: W }, () => new Array<number>(W).fill(1)),
            W,
          ),
        },
        {
          name: "x",
          shape: [1, 1, 3, W],
          values: rows(
            [
              [2048, 1],
              [2050, 1],
              [-4096, -2],
            ],
            W,
          ),
        },
      ],
      (b) => b.matmul(b.input("x"), b.input("w")),
    ),
  ],
  claims: [
    factClaim("half_away", {
      holds: AWAY,
      otherwise: EVEN,
      weSay: "holds",
      needs: ["sum", "product"],
      read: (o) => {
        const [s, p] = [outputOf(o, "sum"), outputOf(o, "product")];
        const found = { a: s[0]!, b: s[1]!, c: s[2]!, pa: p[0]!, pb: p[W]!, pc: p[2 * W]! };
        return matching(found, {
          [AWAY]: [2050, 2052, -4100, 2050, 2052, -4100],
          [EVEN]: [2048, 2052, -4096, 2048, 2052, -4096],
        });
      },
    }),
  ],
});
