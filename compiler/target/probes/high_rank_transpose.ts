/** A `matmul` and a `transpose` of five dimensions in one program. */
import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { refusalProbe } from "./refusal.ts";
import { compile } from "./steps.ts";

const shape = [1, 8, 32, 32];

const program = (inside: readonly number[]) =>
  milProgram([
    milFunction("main", [{ name: "x", shape }], (b) => {
      const product = b.matmul(b.input("x"), b.input("x"));
      const perm = inside.map((_, i) => (i === 1 ? 2 : i === 2 ? 1 : i));
      return { y: b.reshape(b.transpose(b.reshape(product, inside), perm), shape) };
    }),
  ]);

export const highRankTranspose = refusalProbe("high_rank_transpose", {
  asks: "Is a program refused that has `matmul` and a `transpose` of five dimensions?",
  notEmulated: true,
  trials: () => [compile("five", program([1, 2, 4, 32, 32]))],
  controls: () => [compile("four", program([1, 8, 32, 32]))],
});
