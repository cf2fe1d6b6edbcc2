/** Whether a result is rounded to fp16 in front of a last `cast` to fp32. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const [M, K, N] = [8, 64, 32];
const x = { name: "x", shape: [1, 1, M, K], values: filled(M * K, (i) => 1 + (i % 61) / 64) };
const w = { name: "w", shape: [1, 1, K, N], values: filled(K * N, (i) => 1 + (i % 53) / 64) };

export const trailingCast = defineProbe({
  name: "trailing_cast",
  asks: "Does a last `cast` to fp32 keep the op before it wider than fp16?",
  steps: () => [
    run("fp16", [w, x], (b) => b.matmul(b.input("x"), b.input("w"))),
    run("fp32", [w, x], (b) => b.cast(b.matmul(b.input("x"), b.input("w")), "fp32")),
  ],
  claims: [
    factClaim("trailing_cast", {
      holds: "wider",
      otherwise: "the same",
      notEmulated: true,
      needs: ["fp16", "fp32"],
      read: (o) => {
        const [narrow, wide] = [Array.from(outputOf(o, "fp16")), outputOf(o, "fp32")];
        const differ = narrow.filter((value, i) => value !== wide[i]).length;
        return reading(differ > 0 ? "wider" : "the same", { differ, of: M * N });
      },
    }),
  ],
});
