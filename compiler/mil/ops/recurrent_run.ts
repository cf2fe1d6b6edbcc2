/**
 * What recurrent layers compute, as coremltools defines them. σ is `recurrent_activation`, f is
 * `activation`, g is `cell_activation`; a gate's row of weights is W for x and R for h.
 *
 *     rnn     h' = f(W x + R h + b)
 *
 *     lstm    i, f, o = σ(W x + R h + p·c + b)    with c' for o
 *             c' = f·c + i·g(W x + R h + b)       h' = o·f(c')          rows: i, f, o, cell
 *
 *     gru     r, z = σ(W x + R h + b)
 *             o = f(W x + r·(R h) + b)            h' = (1 − z)·o + z·h   rows: r, o, z
 *
 * With `reset_after`, r multiplies R h + b, and `input_bias` stands where b stood. A layer that reads
 * backwards gives the state after x[t] at place t; two directions stand side by side.
 */
import { milCannotInterpret } from "../../messages/mil_run.ts";
import { UserError } from "../../support/diagnostic.ts";
import { flag, maybe, one, textOf } from "../infer.ts";
import type { LoadedOperands, Meanings } from "../tensors.ts";

type Curve = (x: number) => number;

const CURVES: Readonly<Record<string, Curve>> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanh: Math.tanh,
};

function curveOf(o: LoadedOperands, op: string, name: string, otherwise: string): Curve {
  const curve = CURVES[textOf(o, name, otherwise)];
  if (curve === undefined) throw new UserError(milCannotInterpret(undefined, op));
  return curve;
}

/** What one unit has at one step: for each gate W x + b and R h, and its own h and c. */
interface Unit {
  readonly input: readonly number[];
  readonly hidden: readonly number[];
  readonly h: number;
  readonly c: number;
  /** The number of the unit, for weights that belong to one. */
  readonly j: number;
}

type Cell = (unit: Unit) => { readonly h: number; readonly c: number };

/** One reading of x: which weights, where in the states, and from which end. */
interface Reading {
  readonly suffix: "" | "_back";
  readonly first: number;
  readonly isBackward: boolean;
}

function readingsOf(o: LoadedOperands, units: number): readonly Reading[] {
  const direction = textOf(o, "direction", "forward");
  const forward: Reading = { suffix: "", first: 0, isBackward: direction === "reverse" };
  return direction === "bidirectional"
    ? [forward, { suffix: "_back", first: units, isBackward: true }]
    : [forward];
}

/** All states or the last one, the last h, and the last c. */
function scan(
  o: LoadedOperands,
  gates: number,
  cellOf: (reading: Reading) => Cell,
): readonly Float64Array[] {
  const x = one(o, "x");
  const [steps, batch, inputs] = x.shape as [number, number, number];
  const units = one(o, "weight_hh").shape[1]!;
  const readings = readingsOf(o, units);
  const width = units * readings.length;
  const h = one(o, "initial_h").data.slice();
  const c = maybe(o, "initial_c")?.data.slice() ?? new Float64Array(h.length);
  const all = new Float64Array(steps * batch * width);
  for (const reading of readings) {
    const { suffix, first, isBackward } = reading;
    const cell = cellOf(reading);
    const [ih, hh] = [one(o, `weight_ih${suffix}`).data, one(o, `weight_hh${suffix}`).data];
    // With `reset_after` the bias belongs to R h, and another one to W x.
    const isAfter = flag(o, "reset_after");
    const bias = maybe(o, `bias${suffix}`)?.data;
    const inputBias = isAfter ? maybe(o, "input_bias")?.data : bias;
    const hiddenBias = isAfter ? bias : undefined;
    for (let step = 0; step < steps; step++) {
      const t = isBackward ? steps - 1 - step : step;
      for (let b = 0; b < batch; b++) {
        const row = b * width + first;
        const before = h.slice(row, row + units);
        const dot = (w: Float64Array, k: number, v: Float64Array, from: number, n: number) => {
          let sum = 0;
          for (let i = 0; i < n; i++) sum += w[k * n + i]! * v[from + i]!;
          return sum;
        };
        for (let j = 0; j < units; j++) {
          const rows = Array.from({ length: gates }, (_, g) => g * units + j);
          const unit = cell({
            input: rows.map(
              (k) => dot(ih, k, x.data, (t * batch + b) * inputs, inputs) + (inputBias?.[k] ?? 0),
            ),
            hidden: rows.map((k) => dot(hh, k, before, 0, units) + (hiddenBias?.[k] ?? 0)),
            h: before[j]!,
            c: c[row + j]!,
            j,
          });
          h[row + j] = unit.h;
          c[row + j] = unit.c;
          all[(t * batch + b) * width + first + j] = unit.h;
        }
      }
    }
  }
  return [flag(o, "output_sequence") ? all : h.slice(), h, c];
}

export const runRnn: Meanings = (o) => {
  const f = curveOf(o, "rnn", "activation", "tanh");
  return scan(o, 1, () => ({ input, hidden }) => ({ h: f(input[0]! + hidden[0]!), c: 0 })).slice(
    0,
    2,
  );
};

export const runGru: Meanings = (o) => {
  const f = curveOf(o, "gru", "activation", "tanh");
  const sigma = curveOf(o, "gru", "recurrent_activation", "sigmoid");
  return scan(o, 3, () => ({ input, hidden, h }) => {
    const [r, z] = [0, 2].map((g) => sigma(input[g]! + hidden[g]!)) as [number, number];
    const made = f(input[1]! + r * hidden[1]!);
    return { h: (1 - z) * made + z * h, c: 0 };
  }).slice(0, 2);
};

export const runLstm: Meanings = (o) => {
  const f = curveOf(o, "lstm", "activation", "tanh");
  const sigma = curveOf(o, "lstm", "recurrent_activation", "sigmoid");
  const g = curveOf(o, "lstm", "cell_activation", "tanh");
  const most = maybe(o, "clip")?.data[0] ?? Number.POSITIVE_INFINITY;
  return scan(o, 4, ({ suffix }) => {
    const peephole = maybe(o, `peephole${suffix}`)?.data;
    return ({ input, hidden, c, j }) => {
      const units = (peephole?.length ?? 0) / 3;
      const gate = (k: number, cell: number): number =>
        sigma(input[k]! + hidden[k]! + (peephole?.[k * units + j] ?? 0) * cell);
      const made = Math.min(most, Math.max(-most, g(input[3]! + hidden[3]!)));
      const next = gate(1, c) * c + gate(0, c) * made;
      return { h: gate(2, next) * f(next), c: next };
    };
  });
};
