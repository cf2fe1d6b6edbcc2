/** Activations: one element in, one out, with parameters for all elements or for each channel. */
import { erfOf } from "../../ops/erf.ts";
import {
  like,
  type Mistake,
  type Operands,
  one,
  type Rule,
  rankMistake,
  vectorMistake,
} from "../infer.ts";
import { sigmoid, softplus } from "../special.ts";
import { type LoadedOperands, type Meaning, stridesOf } from "../tensors.ts";
import { type MilOp, op, perElement } from "./define.ts";

const flops = perElement(1);

function plain(name: string, doc: string, f: (x: number) => number): MilOp {
  return op(name, "x: floats", like("x"), doc, {
    flops,
    run: (o) => one(o, "x").data.map(f),
  });
}

/** The value of a scalar operand. */
const scalar = (o: LoadedOperands, name: string): number => one(o, name).data[0]!;

function withAlpha(name: string, doc: string, f: (x: number, alpha: number) => number): MilOp {
  return op(name, "x: floats, alpha: scalar", like("x"), doc, {
    flops,
    run: (o) => one(o, "x").data.map((x) => f(x, scalar(o, "alpha"))),
  });
}

function withBoth(
  name: string,
  doc: string,
  f: (x: number, alpha: number, beta: number) => number,
): MilOp {
  return op(name, "x: floats, alpha: scalar, beta: scalar", like("x"), doc, {
    flops,
    run: (o) => {
      const [alpha, beta] = [scalar(o, "alpha"), scalar(o, "beta")];
      return one(o, "x").data.map((x) => f(x, alpha, beta));
    },
  });
}

/** The parameters have one value for each of the channels, dimension 1 of x. */
const perChannel =
  (...parameters: readonly string[]): Rule =>
  (o: Operands) => {
    const x = one(o, "x");
    const wrong = rankMistake("x", x, 3, 5);
    if (wrong !== undefined) return wrong;
    for (const name of parameters) {
      const fault: Mistake | undefined = vectorMistake(name, one(o, name), x.shape[1]!);
      if (fault !== undefined) return fault;
    }
    return { element: x.element, shape: x.shape };
  };

/** f(x, channel) for each element. */
const channelwise =
  (f: (o: LoadedOperands, x: number, channel: number) => number): Meaning =>
  (o) => {
    const { data, shape } = one(o, "x");
    const [stride, channels] = [stridesOf(shape)[1]!, shape[1]!];
    return data.map((x, i) => f(o, x, Math.floor(i / stride) % channels));
  };

const GELU: Readonly<Record<string, (x: number) => number>> = {
  EXACT: (x) => 0.5 * x * (1 + erfOf(x / Math.SQRT2)),
  TANH_APPROXIMATION: (x) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  SIGMOID_APPROXIMATION: (x) => x * sigmoid(1.702 * x),
};

export const ACTIVATIONS: readonly MilOp[] = [
  op("relu", "x: numbers", like("x"), "max(x, 0)", {
    flops,
    run: (o) => one(o, "x").data.map((x) => Math.max(x, 0)),
  }),
  plain("relu6", "x, at least 0 and at most 6", (x) => Math.min(6, Math.max(0, x))),
  plain("sigmoid", "1 / (1 + e⁻ˣ)", sigmoid),
  plain("silu", "x · sigmoid(x)", (x) => x * sigmoid(x)),
  plain("softsign", "x / (1 + |x|)", (x) => x / (1 + Math.abs(x))),
  plain("softplus", "ln(1 + eˣ)", softplus),
  // Without `mode` the engine's compiler refuses it.
  op(
    "gelu",
    "x: floats, mode: text(EXACT|TANH_APPROXIMATION|SIGMOID_APPROXIMATION)",
    like("x"),
    "x · Φ(x), exactly or by tanh or sigmoid",
    { flops, run: (o) => one(o, "x").data.map(GELU[one(o, "mode").text!]!) },
  ),
  withAlpha("leaky_relu", "x, below 0 alpha · x", (x, alpha) => (x >= 0 ? x : alpha * x)),
  withAlpha("elu", "x, below 0 alpha · (eˣ − 1)", (x, alpha) =>
    x > 0 ? x : alpha * Math.expm1(x),
  ),
  withAlpha("thresholded_relu", "x, below alpha 0", (x, alpha) => (x >= alpha ? x : 0)),
  withBoth("clamped_relu", "x, below 0 alpha · x, at most beta", (x, alpha, beta) =>
    Math.min(beta, x >= 0 ? x : alpha * x),
  ),
  withBoth("linear_activation", "alpha · x + beta", (x, alpha, beta) => alpha * x + beta),
  withBoth(
    "scaled_tanh",
    "alpha · tanh(beta · x)",
    (x, alpha, beta) => alpha * Math.tanh(beta * x),
  ),
  withBoth("sigmoid_hard", "alpha · x + beta, at least 0 and at most 1", (x, alpha, beta) =>
    Math.min(1, Math.max(0, alpha * x + beta)),
  ),
  op(
    "prelu",
    "x: floats, alpha: floats",
    perChannel("alpha"),
    "x, below 0 alpha of its channel times x",
    {
      flops,
      run: channelwise((o, x, channel) => (x > 0 ? x : x * one(o, "alpha").data[channel]!)),
    },
  ),
  op(
    "softplus_parametric",
    "x: floats, alpha: floats, beta: floats",
    perChannel("alpha", "beta"),
    "alpha · ln(1 + e^(beta · x)) with alpha and beta of the channel",
    {
      flops,
      run: channelwise(
        (o, x, channel) =>
          one(o, "alpha").data[channel]! * softplus(one(o, "beta").data[channel]! * x),
      ),
    },
  ),
];
