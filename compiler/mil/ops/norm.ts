/** Normalisations. Each is rounded once, as one op. */
import {
  axesOf,
  int,
  ints,
  like,
  likeRanked,
  maybe,
  mayEqual,
  mistake,
  one,
  type Rule,
  rankMistake,
  sizeOf,
  vectorMistake,
} from "../infer.ts";
import { broadcastTo, type LoadedOperands, type Meaning, stridesOf, tabulate } from "../tensors.ts";
import { type MilOp, op, perInput } from "./define.ts";

const scalar = (o: LoadedOperands, name: string, otherwise: number): number =>
  maybe(o, name)?.data[0] ?? otherwise;

/** `gamma` and `beta` have the sizes of the axes that are normalised. */
const layerNorm: Rule = (o) => {
  const x = one(o, "x");
  const asked = ints(o, "axes", [...x.shape.keys()]);
  const axes = axesOf(asked, x.shape.length);
  if (axes === undefined)
    return mistake("axes", `must be axes of \`x\`, not [${asked.join(", ")}]`, { x });
  const shape = x.shape.filter((_, i) => axes.includes(i));
  for (const name of ["gamma", "beta"]) {
    const given = maybe(o, name);
    if (given !== undefined && !mayEqual(given.shape, shape))
      return mistake(name, `must have the shape [${shape.join(", ")}]`, { [name]: given, x });
  }
  return like("x")(o);
};

/** (x − mean) / √(variance + ε) over groups of elements; `groupOf` numbers them. */
function standardise(
  data: Float64Array,
  groupOf: (i: number) => number,
  groups: number,
  epsilon: number,
): Float64Array {
  const [sums, squares] = [new Float64Array(groups), new Float64Array(groups)];
  const count = data.length / groups;
  for (let i = 0; i < data.length; i++) sums[groupOf(i)]! += data[i]! / count;
  for (let i = 0; i < data.length; i++) {
    squares[groupOf(i)]! += (data[i]! - sums[groupOf(i)]!) ** 2 / count;
  }
  return data.map((x, i) => (x - sums[groupOf(i)]!) / Math.sqrt(squares[groupOf(i)]! + epsilon));
}

const runLayerNorm: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const axes = axesOf(ints(o, "axes", [...shape.keys()]), shape.length)!;
  const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const strides = stridesOf(kept);
  // The group of an element is its place among the dimensions that are not normalised.
  const group = tabulate(shape, (index) =>
    index.reduce((sum, n, i) => sum + (axes.includes(i) ? 0 : n * strides[i]!), 0),
  );
  const norm = standardise(data, (i) => group[i]!, sizeOf(kept), scalar(o, "epsilon", 1e-5));
  const wide = shape.map((n, i) => (axes.includes(i) ? n : 1));
  const spread = (name: string, otherwise: number): Float64Array => {
    const given = maybe(o, name);
    if (given === undefined) return new Float64Array(norm.length).fill(otherwise);
    return broadcastTo({ data: given.data, shape: wide }, out.shape);
  };
  const [gamma, beta] = [spread("gamma", 1), spread("beta", 0)];
  return norm.map((v, i) => v * gamma[i]! + beta[i]!);
};

/** Parameters have one value for each channel, dimension 1 of x. */
const channelRule =
  (low: number, high: number, ...names: readonly string[]): Rule =>
  (o) => {
    const x = one(o, "x");
    const wrong = rankMistake("x", x, low, high);
    if (wrong !== undefined) return wrong;
    for (const name of names) {
      const fault = vectorMistake(name, maybe(o, name), x.shape[1]!);
      if (fault !== undefined) return fault;
    }
    return like("x")(o);
  };

/** γ · v + β with the parameters of the element's channel. */
function affine(o: LoadedOperands, values: Float64Array, shape: readonly number[]): Float64Array {
  const [gamma, beta] = [maybe(o, "gamma")?.data, maybe(o, "beta")?.data];
  const channel = channelOf(shape);
  return values.map((v, i) => v * (gamma?.[channel(i)] ?? 1) + (beta?.[channel(i)] ?? 0));
}

function channelOf(shape: readonly number[]): (i: number) => number {
  const [stride, channels] = [stridesOf(shape)[1]!, shape[1]!];
  return (i) => Math.floor(i / stride) % channels;
}

const runBatchNorm: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const [mean, variance] = [one(o, "mean").data, one(o, "variance").data];
  const epsilon = scalar(o, "epsilon", 1e-5);
  const channel = channelOf(shape);
  const norm = data.map((x, i) => {
    const c = channel(i);
    return (x - mean[c]!) / Math.sqrt(variance[c]! + epsilon);
  });
  return affine(o, norm, shape);
};

const runInstanceNorm: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const size = sizeOf(shape.slice(2));
  const groups = sizeOf(shape.slice(0, 2));
  const epsilon = scalar(o, "epsilon", 1e-5);
  const norm = standardise(data, (i) => Math.floor(i / size), groups, epsilon);
  return affine(o, norm, shape);
};

/** x / √(Σ x² + ε) over the last three dimensions. */
const runL2Norm: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const size = sizeOf(shape.slice(-3));
  const epsilon = scalar(o, "epsilon", 1e-6);
  const out = data.slice();
  for (let from = 0; from < data.length; from += size) {
    const row = out.subarray(from, from + size);
    const norm = Math.sqrt(row.reduce((a, x) => a + x * x, 0) + epsilon);
    for (let i = 0; i < row.length; i++) row[i]! /= norm;
  }
  return out;
};

const lrnRule: Rule = (o) => {
  const size = int(o, "size", 1);
  if (size < 1) return mistake("size", `must be 1 or more, not ${size}`);
  return likeRanked("x", 3, 4)(o);
};

/** x / (k + α/size · Σ x²)^β over `size` channels around each, as many before as behind. */
const runLocalResponse: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const size = int(o, "size", 1);
  const [alpha, beta] = [scalar(o, "alpha", 1e-4), scalar(o, "beta", 0.75)];
  const k = scalar(o, "k", 1);
  const channel = channelOf(shape);
  const stride = stridesOf(shape)[1]!;
  const [before, behind] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  return data.map((x, i) => {
    const c = channel(i);
    let sum = 0;
    for (let j = Math.max(0, c - before); j <= Math.min(shape[1]! - 1, c + behind); j++)
      sum += data[i + (j - c) * stride]! ** 2;
    return x / (k + (alpha / size) * sum) ** beta;
  });
};

export const NORMS: readonly MilOp[] = [
  op(
    "layer_norm",
    "x: floats, axes: ints?, gamma: floats?, beta: floats?, epsilon: scalar?",
    layerNorm,
    "γ · (x − mean) / √(variance + ε) + β over axes",
    { run: runLayerNorm, flops: perInput(6) },
  ),
  op(
    "batch_norm",
    "x: floats, mean: floats, variance: floats, gamma: floats?, beta: floats?, epsilon: scalar?",
    channelRule(3, 5, "mean", "variance", "gamma", "beta"),
    "γ · (x − mean) / √(variance + ε) + β with parameters of the channel",
    { run: runBatchNorm, flops: perInput(3) },
  ),
  op(
    "instance_norm",
    "x: floats, gamma: floats?, beta: floats?, epsilon: scalar?",
    channelRule(3, 4, "gamma", "beta"),
    "γ · (x − mean) / √(variance + ε) + β over each image of each channel",
    { run: runInstanceNorm, flops: perInput(6) },
  ),
  op(
    "l2_norm",
    "x: floats, epsilon: scalar?",
    likeRanked("x", 3, 99),
    "x / √(Σ x² + ε) over the last three dimensions",
    {
      run: runL2Norm,
      flops: perInput(3),
    },
  ),
  op(
    "local_response_norm",
    "x: floats, size: int, alpha: scalar?, beta: scalar?, k: scalar?",
    lrnRule,
    "x / (k + α/size · Σ x²)^β over neighbouring channels",
    { run: runLocalResponse, flops: perInput(4) },
  ),
];
