/** Random numbers and places of extremes. */
import { line } from "../facts/examples.ts";
import { opTrials, refusalProbe } from "./refusal.ts";

const SHAPE = [1, 64, 1, 32];

const place = (op: string): string =>
  `tensor<uint16, [1, 64, 1, 1]> at = ${op}(x = x, axis = int32(3), keep_dims = bool(true), output_dtype = string("uint16"));
   ${line("y", [1, 64, 1, 1], 'cast(x = at, dtype = string("fp16"))')}`;

const random = `random_uniform(shape = tensor<int32, [4]>([${SHAPE.join(", ")}]), low = fp16(0), high = fp16(1), seed = int32(1))`;

export const lateOps = refusalProbe("late_ops", {
  asks: "Are `random_uniform`, `reduce_argmin` and `reduce_argmax` refused?",
  weSay: "holds",
  trials: () =>
    opTrials({
      random_uniform: `${line("r", SHAPE, random)}\n${line("y", SHAPE, "add(x = x, y = r)")}`,
      reduce_argmin: place("reduce_argmin"),
      reduce_argmax: place("reduce_argmax"),
    }),
});
