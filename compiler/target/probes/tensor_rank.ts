/** Tensors of six dimensions inside a program. */
import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { refusalProbe } from "./refusal.ts";
import { compile } from "./steps.ts";

const shape = [1, 64, 1, 32];

/** Cuts the channels up, swaps two of the parts and puts them together again. */
const through = (inside: readonly number[]) =>
  milProgram([
    milFunction("main", [{ name: "x", shape }], (b) => {
      const parts = b.reshape(b.mul(b.input("x"), b.scalar(2)), inside);
      const perm = inside.map((_, i) => (i === 1 ? 2 : i === 2 ? 1 : i));
      return { y: b.reshape(b.transpose(parts, perm), shape) };
    }),
  ]);

export const tensorRank = refusalProbe("tensor_rank", {
  asks: "Is a tensor refused that has six dimensions?",
  trials: () => [compile("six", through([1, 4, 4, 4, 1, 32]))],
  controls: () => [compile("five", through([1, 8, 8, 1, 32]))],
});
