/** Formulas of recurrent layers: the state after a step, from the state before it. */
import { type Formula, type OracleCase, type Reader, sum } from "../../../support/mil_oracle.ts";

type Inputs = Readonly<Record<string, Reader>>;
interface State {
  readonly h: number;
  readonly c: number;
}

const S = 3;
const I = 2;
const H = 2;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const limited = (x: number, most: number): number => (Math.abs(x) > most ? Math.sign(x) * most : x);

/** Which weights, how many steps back, and where in a state that holds both directions. */
interface Layer {
  readonly suffix: string;
  readonly isBackward: boolean;
  readonly first: number;
}

const FORWARD: Layer = { suffix: "", isBackward: false, first: 0 };
const REVERSE: Layer = { suffix: "", isBackward: true, first: 0 };
const BACK: Layer = { suffix: "_back", isBackward: true, first: H };

/** (W x)[k] and (R h)[k] of step n; `before` gives h[j] of the step before. */
const inputOf = (f: Inputs, l: Layer, n: number, b: number, k: number): number =>
  sum(I, (i) => f[`w${l.suffix}`]!(k, i) * f["x"]!(l.isBackward ? S - 1 - n : n, b, i));
const hiddenOf = (f: Inputs, l: Layer, k: number, before: (j: number) => number): number =>
  sum(H, (j) => f[`r${l.suffix}`]!(k, j) * before(j));

/** The state after step n; step −1 is what was given. */
type After = (f: Inputs, l: Layer, n: number, b: number, j: number) => State;

const start = (f: Inputs, l: Layer, b: number, j: number): State => ({
  h: f["h"]!(b, l.first + j),
  c: f["c"]?.(b, l.first + j) ?? 0,
});

const rnn =
  (activation: (x: number) => number): After =>
  (f, l, n, b, j) => {
    if (n < 0) return start(f, l, b, j);
    const before = (u: number): number => rnn(activation)(f, l, n - 1, b, u).h;
    return { h: activation(inputOf(f, l, n, b, j) + hiddenOf(f, l, j, before) + f["b"]!(j)), c: 0 };
  };

const gru =
  (isAfter: boolean): After =>
  (f, l, n, b, j) => {
    if (n < 0) return start(f, l, b, j);
    const before = (u: number): number => gru(isAfter)(f, l, n - 1, b, u).h;
    const wx = (g: number): number => inputOf(f, l, n, b, g * H + j);
    const rh = (g: number): number => hiddenOf(f, l, g * H + j, before);
    const bias = (g: number): number => f["b"]!(g * H + j);
    const extra = (g: number): number => (isAfter ? f["d"]!(g * H + j) : 0);
    const [r, z] = [0, 2].map((g) => sigmoid(wx(g) + rh(g) + bias(g) + extra(g)));
    const made = isAfter
      ? Math.tanh(wx(1) + extra(1) + r! * (rh(1) + bias(1)))
      : Math.tanh(wx(1) + r! * rh(1) + bias(1));
    return { h: made + z! * (before(j) - made), c: 0 };
  };

const lstm =
  (most: number): After =>
  (f, l, n, b, j) => {
    if (n < 0) return start(f, l, b, j);
    const last = (u: number): State => lstm(most)(f, l, n - 1, b, u);
    const raw = (g: number): number =>
      inputOf(f, l, n, b, g * H + j) +
      hiddenOf(f, l, g * H + j, (u) => last(u).h) +
      f[`b${l.suffix}`]!(g * H + j);
    const peep = (g: number, c: number): number => (f["p"]?.(g * H + j) ?? 0) * c;
    const old = last(j).c;
    const kept = sigmoid(raw(1) + peep(1, old)) * old;
    const c = kept + sigmoid(raw(0) + peep(0, old)) * limited(Math.tanh(raw(3)), most);
    return { h: sigmoid(raw(2) + peep(2, c)) * Math.tanh(c), c };
  };

/** The step after which a layer has state t of the sequence. */
const stepOf = (l: Layer, t: number): number => (l.isBackward ? S - 1 - t : t);
const layerAt = (layers: readonly Layer[], j: number): Layer => layers[Math.floor(j / H)]!;

const sequence =
  (after: After, ...layers: Layer[]): Formula =>
  (f, t, b, j) => {
    const l = layerAt(layers, j!);
    return after(f, l, stepOf(l, t!), b!, j! % H).h;
  };
const final =
  (part: "h" | "c", after: After, ...layers: Layer[]): Formula =>
  (f, b, j) =>
    after(f, layerAt(layers, j!), S - 1, b!, j! % H)[part];
const onlyFinal =
  (after: After, ...layers: Layer[]): Formula =>
  (f, _, b, j) =>
    final("h", after, ...layers)(f, b!, j!);

const given = (gates: number) => ({
  x: `F ${S},2,${I} -1..1`,
  h: `F 2,${H} -1..1`,
  w: `F ${gates * H},${I} -1..1`,
  r: `F ${gates * H},${H} -1..1`,
  b: `F ${gates * H} -1..1`,
});
const both = {
  ...given(4),
  h: `F 2,${2 * H} -1..1`,
  c: `F 2,${2 * H} -1..1`,
  w_back: `F ${4 * H},${I} -1..1`,
  r_back: `F ${4 * H},${H} -1..1`,
  b_back: `F ${4 * H} -1..1`,
};
const WEIGHTS = "x = x, initial_h = h, weight_ih = w, weight_hh = r, bias = b";
const [ALL, LAST, FINAL] = [`F ${S},2,${H}`, `F 1,2,${H}`, `F 2,${H}`];

export const RECURRENT: readonly OracleCase[] = [
  {
    op: "rnn",
    in: given(1),
    y: `rnn(${WEIGHTS}, output_sequence = true)`,
    out: [ALL, FINAL],
    at: [sequence(rnn(Math.tanh), FORWARD), final("h", rnn(Math.tanh), FORWARD)],
  },
  {
    op: "rnn",
    about: "backwards, relu, the last state",
    in: given(1),
    y: `rnn(${WEIGHTS}, direction = string("reverse"), activation = string("relu"))`,
    out: [LAST, FINAL],
    at: [
      onlyFinal(
        rnn((x) => (x > 0 ? x : 0)),
        REVERSE,
      ),
      final(
        "h",
        rnn((x) => (x > 0 ? x : 0)),
        REVERSE,
      ),
    ],
  },
  {
    op: "gru",
    in: given(3),
    y: `gru(${WEIGHTS}, output_sequence = true)`,
    out: [ALL, FINAL],
    at: [sequence(gru(false), FORWARD), final("h", gru(false), FORWARD)],
  },
  {
    op: "gru",
    about: "backwards, the reset gate after the product",
    in: { ...given(3), d: `F ${3 * H} -1..1` },
    y: `gru(${WEIGHTS}, input_bias = d, reset_after = true, direction = string("reverse"), output_sequence = true)`,
    out: [ALL, FINAL],
    at: [sequence(gru(true), REVERSE), final("h", gru(true), REVERSE)],
  },
  {
    op: "lstm",
    about: "peepholes and a clipped cell gate",
    in: { ...given(4), c: `F 2,${H} -1..1`, p: `F ${3 * H} -1..1` },
    y: `lstm(${WEIGHTS}, initial_c = c, peephole = p, clip = F(0.5), output_sequence = true)`,
    out: [ALL, FINAL, FINAL],
    at: [
      sequence(lstm(0.5), FORWARD),
      final("h", lstm(0.5), FORWARD),
      final("c", lstm(0.5), FORWARD),
    ],
  },
  {
    op: "lstm",
    about: "both directions",
    in: both,
    y: `lstm(${WEIGHTS}, initial_c = c, weight_ih_back = w_back, weight_hh_back = r_back, bias_back = b_back, direction = string("bidirectional"), output_sequence = true)`,
    out: [`F ${S},2,${2 * H}`, `F 2,${2 * H}`, `F 2,${2 * H}`],
    at: [
      sequence(lstm(9), FORWARD, BACK),
      final("h", lstm(9), FORWARD, BACK),
      final("c", lstm(9), FORWARD, BACK),
    ],
  },
];
