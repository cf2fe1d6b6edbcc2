/**
 * Ops that the engine does not have. Those are not tried whose text is not known (control flow, lists),
 * and those whose results are 32-bit integers, which are refused anyway (`argsort`, `non_zero`).
 */
import { constant, fp16, line, weight } from "../facts/examples.ts";
import { opTrials, refusalProbe } from "./refusal.ts";

const SHAPE = [1, 64, 1, 32];
const shape = `shape = tensor<int32, [4]>([${SHAPE.join(", ")}])`;
const y = (call: string, of = SHAPE): string => line("y", of, call);

/** `call` makes something that is added to x. */
const added = (call: string, of = SHAPE): string =>
  `${line("h", of, call)}\n${y("add(x = x, y = h)")}`;

const curves = Object.fromEntries(
  ["asin", "acos", "asinh", "acosh", "atanh"].map((op) => [op, y(`${op}(x = x)`)]),
);

const ELEMENTS = {
  ...curves,
  reduce_prod: y(
    "reduce_prod(x = x, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
    [1, 64, 1, 1],
  ),
  cumsum: y("cumsum(x = x, axis = int32(3), exclusive = bool(false), reverse = bool(false))"),
  band_part: y("band_part(x = x, lower = int32(1), upper = int32(1))"),
  one_hot: `${constant("tensor<uint16, [64, 1]>", "at", `[${Array.from({ length: 64 }, (_, i) => `[${i % 32}]`).join(", ")}]`)}
    ${added("one_hot(indices = at, one_hot_vector_size = int32(32), axis = int32(-1), on_value = fp16(1), off_value = fp16(0))", [64, 1, 32])}`,
  range_1d: added("range_1d(start = fp16(0), end = fp16(32), step = fp16(1))", [32]),
  random_bernoulli: added(`random_bernoulli(${shape}, prob = fp16(0.5), seed = int32(1))`),
  random_normal: added(
    `random_normal(${shape}, mean = fp16(0), stddev = fp16(1), seed = int32(1))`,
  ),
  sliding_windows: `${line("h", [1, 32, 2, 1, 32], "sliding_windows(x = x, axis = int32(1), size = int32(2), stride = int32(2))")}
    ${y("reshape(x = h, shape = tensor<int32, [4]>([1, 64, 1, 32]))")}`,
  reverse_sequence: `${constant("tensor<uint16, [1]>", "n", "[8]")}
    ${y("reverse_sequence(x = x, lengths = n, seq_axis = int32(1), batch_axis = int32(0))")}`,
};

const [STEPS, SIZE] = [4, 16];
const RECURRENT_INPUTS = [
  fp16("c", [1, SIZE]),
  fp16("h", [1, SIZE]),
  fp16("x", [STEPS, 1, SIZE]),
].join(", ");

/** A recurrent layer of so many gates; `states` are its last states. */
const recurrent = (op: string, gates: number, states: string, initial: string): string =>
  [
    weight("w", [gates * SIZE, SIZE], 64),
    weight("u", [gates * SIZE, SIZE], 64 + 64 + 2 * gates * SIZE * SIZE),
    `${fp16("y", [STEPS, 1, SIZE])}, ${states} = ${op}(x = x, ${initial}, weight_ih = w, weight_hh = u, direction = string("forward"), output_sequence = bool(true));`,
  ].join("\n");

const state = (name: string): string => fp16(name, [1, SIZE]);

const RECURRENT = {
  lstm: recurrent("lstm", 4, `${state("s")}, ${state("t")}`, "initial_h = h, initial_c = c"),
  gru: recurrent("gru", 3, state("s"), "initial_h = h"),
  rnn: recurrent("rnn", 1, state("s"), "initial_h = h"),
};

export const unsupportedOps = refusalProbe("unsupported_ops", {
  asks: "Are the ops refused that the engine is said not to have?",
  trials: () => [...opTrials(ELEMENTS), ...opTrials(RECURRENT, RECURRENT_INPUTS)],
});
