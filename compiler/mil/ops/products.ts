/** Matrix products and attention. */
import {
  type Answer,
  broadcast,
  differ,
  flag,
  type Mistake,
  maybe,
  mayEqual,
  mistake,
  type Operand,
  type Operands,
  one,
  type Rule,
  rankMistake,
  sizeOf,
  textOf,
  vectorMistake,
} from "../infer.ts";
import {
  broadcastStrides,
  broadcastTo,
  type Loaded,
  type Meaning,
  stridesOf,
  walk,
  zeros,
} from "../tensors.ts";
import type { ElementType } from "../tree.ts";
import { type MilOp, op } from "./define.ts";
import { softmaxRow } from "./reduce.ts";

/** Elements agree, or those of a constant follow the other operand's. */
function elementOf(x: Operand, y: Operand): ElementType | undefined {
  if (x.element === y.element) return x.element;
  const [p, q] = [x.isConstant ?? false, y.isConstant ?? false];
  if (p === q) return undefined;
  return p ? y.element : x.element;
}

/** A vector is a row on the left and a column on the right. */
const asMatrix = (shape: readonly number[], isLeft: boolean): readonly number[] =>
  shape.length !== 1 ? shape : isLeft ? [1, shape[0]!] : [shape[0]!, 1];

/** The last two dimensions, after the transposition asked for. A vector is not transposed. */
export function lastTwo(x: Operand, isLeft: boolean, flipped: boolean): readonly [number, number] {
  const shape = asMatrix(x.shape, isLeft);
  const [p, q] = [shape.at(-2)!, shape.at(-1)!];
  return flipped && x.shape.length > 1 ? [q, p] : [p, q];
}

/**
 * [.., M, K] · [.., K, N] = [.., M, N], after the transpositions asked for. Leading dimensions
 * broadcast; a vector's added dimension is taken away again.
 */
const matmul: Rule = (o) => {
  const x = one(o, "x");
  const y = one(o, "y");
  if (x.shape.length < 1) return mistake("x", "needs a dimension", { x });
  if (y.shape.length < 1) return mistake("y", "needs a dimension", { y });
  const element = elementOf(x, y);
  if (element === undefined) return mistake("y", "must have the elements of `x`", { x, y });
  const [m, k] = lastTwo(x, true, flag(o, "transpose_x"));
  const [k2, n] = lastTwo(y, false, flag(o, "transpose_y"));
  if (differ(k, k2))
    return mistake("y", `needs ${k} rows, as \`x\` has columns, not ${k2}`, { x, y });
  const batch = broadcast(x.shape.slice(0, -2), y.shape.slice(0, -2));
  if (batch === undefined) return mistake("y", "does not broadcast with `x`", { x, y });
  const rows = x.shape.length === 1 ? [] : [m];
  const columns = y.shape.length === 1 ? [] : [n];
  return { element, shape: [...batch, ...rows, ...columns] };
};

/** Matrices within a tensor. */
export interface Strided {
  readonly data: Float64Array;
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

/** Σₖ x[b, i, k] · y[b, k, j], one dot product after another. */
function product(
  batch: readonly number[],
  [m, k, n]: readonly [number, number, number],
  x: Strided,
  y: Strided,
): Float64Array {
  const out = zeros([...batch, m, n]);
  const places: number[] = [];
  walk(batch, y.batch, 0, (from) => places.push(from));
  walk(batch, x.batch, 0, (from, b) => {
    for (let i = 0; i < m; i++) {
      for (let inner = 0; inner < k; inner++) {
        const a = x.data[from + i * x.row + inner * x.column]!;
        const right = places[b]! + inner * y.row;
        const to = (b * m + i) * n;
        for (let j = 0; j < n; j++) out[to + j]! += a * y.data[right + j * y.column]!;
      }
    }
  });
  return out;
}

/** An operand as matrices, one for each place of `batch`. */
export function strided(
  x: Loaded,
  isLeft: boolean,
  flipped: boolean,
  batch: readonly number[],
): Strided {
  const shape = asMatrix(x.shape, isLeft);
  const strides = stridesOf(shape);
  const [p, q] = [strides.at(-2)!, strides.at(-1)!];
  const [row, column] = flipped && x.shape.length > 1 ? [q, p] : [p, q];
  const lead = broadcastStrides(shape, [...batch, ...shape.slice(-2)]).slice(0, -2);
  return { data: x.data, batch: lead, row, column };
}

const runMatmul: Meaning = (o) => {
  const [x, y] = [one(o, "x"), one(o, "y")];
  const [flipX, flipY] = [flag(o, "transpose_x"), flag(o, "transpose_y")];
  const [m, k] = lastTwo(x, true, flipX);
  const n = lastTwo(y, false, flipY)[1];
  const batch = broadcast(x.shape.slice(0, -2), y.shape.slice(0, -2))!;
  return product(batch, [m, k, n], strided(x, true, flipX, batch), strided(y, false, flipY, batch));
};

/** x · weightᵀ + bias, with the weight as [outputs, inputs]. */
const linear: Rule = (o) => {
  const [x, weight] = [one(o, "x"), one(o, "weight")];
  if (x.shape.length < 1) return mistake("x", "needs a dimension", { x });
  const wrong = rankMistake("weight", weight, 2, 2);
  if (wrong !== undefined) return wrong;
  const [outputs, inputs] = weight.shape as [number, number];
  if (differ(x.shape.at(-1), inputs))
    return mistake("weight", `needs ${x.shape.at(-1)} columns, as \`x\` has, not ${inputs}`, {
      x,
      weight,
    });
  const fault: Mistake | undefined = vectorMistake("bias", maybe(o, "bias"), outputs);
  return fault ?? { element: x.element, shape: [...x.shape.slice(0, -1), outputs] };
};

const runLinear: Meaning = (o, out) => {
  const [x, weight] = [one(o, "x"), one(o, "weight")];
  const [outputs, inputs] = weight.shape as [number, number];
  const rows = sizeOf(x.shape.slice(0, -1));
  const result = product(
    [],
    [rows, inputs, outputs],
    { data: x.data, batch: [], row: inputs, column: 1 },
    { data: weight.data, batch: [], row: 1, column: inputs },
  );
  const bias = maybe(o, "bias")?.data;
  if (bias === undefined) return result;
  const n = out.shape.at(-1)!;
  return result.map((v, i) => v + bias[i % n]!);
};

interface Equation {
  readonly terms: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** `nchw,nwhu->nchu` as letters; undefined if it is no equation of two operands. */
export function equationOf(text: string): Equation | undefined {
  const found = /^([A-Za-z]+),([A-Za-z]+)->([A-Za-z]*)$/.exec(text.replaceAll(" ", ""));
  if (found === null) return undefined;
  const [a, b, result] = found.slice(1).map((t) => t.split(""));
  const isPlain = [a!, b!, result!].every((t) => new Set(t).size === t.length);
  const isKnown = result!.every((letter) => a!.includes(letter) || b!.includes(letter));
  return isPlain && isKnown ? { terms: [a!, b!], result: result! } : undefined;
}

/** The size of each letter; sizes of 1 broadcast. A mistake if two do not fit. */
export function lettersOf(o: Operands, equation: Equation): ReadonlyMap<string, number> | Mistake {
  const values = o.get("values") ?? [];
  if (values.length !== 2) return mistake("values", "must be two", { values });
  const sizes = new Map<string, number>();
  for (const [i, term] of equation.terms.entries()) {
    const { shape } = values[i]!;
    if (shape.length !== term.length)
      return mistake("values", `must have as many dimensions as \`${term.join("")}\``, { values });
    for (const [d, letter] of term.entries()) {
      const both = broadcast([sizes.get(letter) ?? 1], [shape[d]!]);
      if (both === undefined)
        return mistake("values", `do not agree about \`${letter}\``, { values });
      sizes.set(letter, both[0]!);
    }
  }
  return sizes;
}

/** One product over the letters that the result lacks. */
const einsum: Rule = (o): Answer => {
  const text = textOf(o, "equation", "");
  const equation = equationOf(text);
  if (equation === undefined)
    return mistake("equation", `must read \`ij,jk->ik\`, not \`${text.slice(0, 40)}\``);
  const sizes = lettersOf(o, equation);
  if ("argument" in sizes) return sizes;
  const [x, y] = o.get("values") as [Operand, Operand];
  if (x.element !== y.element)
    return mistake("values", "must have one element type", { values: [x, y] });
  return { element: x.element, shape: equation.result.map((letter) => sizes.get(letter)!) };
};

const runEinsum: Meaning = (o, out) => {
  const equation = equationOf(textOf(o, "equation", ""))!;
  const sizes = lettersOf(o, equation) as ReadonlyMap<string, number>;
  const letters = [
    ...equation.result,
    ...[...sizes.keys()].filter((l) => !equation.result.includes(l)),
  ];
  const shape = letters.map((l) => sizes.get(l)!);
  const [x, y] = o.get("values") as [Loaded, Loaded];
  const stridesIn = (operand: Loaded, term: readonly string[]): number[] => {
    const strides = stridesOf(operand.shape);
    return letters.map((l) => {
      const d = term.indexOf(l);
      return d < 0 || operand.shape[d] === 1 ? 0 : strides[d]!;
    });
  };
  const kept = equation.result.length;
  const inner = shape.slice(kept);
  const [sx, sy] = [stridesIn(x, equation.terms[0]!), stridesIn(y, equation.terms[1]!)];
  const result = zeros(out.shape);
  const right: number[] = [];
  walk(shape.slice(0, kept), sy.slice(0, kept), 0, (from) => right.push(from));
  walk(shape.slice(0, kept), sx.slice(0, kept), 0, (from, i) => {
    let total = 0;
    const lefts = x.data;
    let places = right[i]!;
    // Both operands walk through the letters that are summed over.
    const steps = inner.map((_, d) => [sx[kept + d]!, sy[kept + d]!] as const);
    const index = new Array<number>(inner.length).fill(0);
    let left = from;
    for (let k = 0; k < sizeOf(inner); k++) {
      total += lefts[left]! * y.data[places]!;
      for (let d = inner.length - 1; d >= 0; d--) {
        index[d]! += 1;
        left += steps[d]![0];
        places += steps[d]![1];
        if (index[d]! < inner[d]!) break;
        left -= index[d]! * steps[d]![0];
        places -= index[d]! * steps[d]![1];
        index[d] = 0;
      }
    }
    result[i] = total;
  });
  return result;
};

/** Query [.., L, E], key [.., S, E] and value [.., S, V] give [.., L, V]. */
const attention: Rule = (o) => {
  const [query, key, value] = [one(o, "query"), one(o, "key"), one(o, "value")];
  const wrong = rankMistake("query", query, 3, 5);
  if (wrong !== undefined) return wrong;
  for (const [name, operand] of [
    ["key", key],
    ["value", value],
  ] as const) {
    if (
      operand.element !== query.element ||
      !mayEqual(operand.shape.slice(0, -2), query.shape.slice(0, -2))
    )
      return mistake(name, "must have the elements and batches of `query`", {
        [name]: operand,
        query,
      });
  }
  if (differ(key.shape.at(-1), query.shape.at(-1)))
    return mistake("key", "must have vectors as long as those of `query`", { key, query });
  if (differ(key.shape.at(-2), value.shape.at(-2)))
    return mistake("value", "must have as many vectors as `key`", { value, key });
  const mask = maybe(o, "attn_mask");
  const scores = [...query.shape.slice(0, -1), key.shape.at(-2)!];
  const both = mask === undefined ? scores : broadcast(mask.shape, scores);
  if (mask !== undefined && (both === undefined || !mayEqual(both, scores)))
    return mistake("attn_mask", "does not broadcast to the scores", {
      attn_mask: mask,
      query,
      key,
    });
  return { element: query.element, shape: [...query.shape.slice(0, -1), value.shape.at(-1)!] };
};

/** softmax(q · kᵀ / √E + mask) · v; a bool mask lets pass where it holds. */
const runAttention: Meaning = (o, out) => {
  const [query, key, value] = [one(o, "query"), one(o, "key"), one(o, "value")];
  const batch = query.shape.slice(0, -2);
  const [l, e] = [query.shape.at(-2)!, query.shape.at(-1)!];
  const [s, v] = [value.shape.at(-2)!, value.shape.at(-1)!];
  const scores = product(
    batch,
    [l, e, s],
    strided(query, true, false, batch),
    strided(key, false, true, batch),
  ).map((x) => x / Math.sqrt(e));
  const mask = maybe(o, "attn_mask");
  if (mask !== undefined) {
    const full = broadcastTo(mask, [...batch, l, s]);
    const isBool = mask.element === "bool";
    for (let i = 0; i < scores.length; i++) {
      if (!isBool) scores[i]! += full[i]!;
      else if (full[i] === 0) scores[i] = Number.NEGATIVE_INFINITY;
    }
  }
  for (let i = 0; i < scores.length; i += s) {
    const row = scores.subarray(i, i + s);
    softmaxRow(row.slice(), row);
  }
  const weights = { data: scores, shape: [...batch, l, s], element: out.element };
  return product(
    batch,
    [l, s, v],
    strided(weights, true, false, batch),
    strided(value, false, false, batch),
  );
};

/** A multiply and an add for each element of the result and of the contraction. */
const contraction =
  (k: (o: Operands) => number): MilOp["flops"] =>
  (o, outs) =>
    2 * sizeOf(outs[0]!.shape) * k(o);

export const PRODUCTS: readonly MilOp[] = [
  op("matmul", "x: numbers, y: numbers, transpose_x: flag?, transpose_y: flag?", matmul, "x · y", {
    run: runMatmul,
    flops: contraction((o) => lastTwo(one(o, "x"), true, flag(o, "transpose_x"))[1]),
  }),
  op("linear", "x: numbers, weight: numbers, bias: numbers?", linear, "x · weightᵀ + bias", {
    run: runLinear,
    flops: contraction((o) => one(o, "weight").shape[1]!),
  }),
  op("einsum", "values: numbers*, equation: text", einsum, "a product by an equation of letters", {
    run: runEinsum,
    flops: contraction((o) => {
      const equation = equationOf(textOf(o, "equation", ""))!;
      const sizes = lettersOf(o, equation) as ReadonlyMap<string, number>;
      return sizeOf([...sizes].filter(([l]) => !equation.result.includes(l)).map(([, n]) => n));
    }),
  }),
  op(
    "scaled_dot_product_attention",
    "query: floats, key: floats, value: floats, attn_mask: values?",
    attention,
    "softmax(query · keyᵀ / √E + mask) · value",
    {
      run: runAttention,
      flops: (o) => {
        const [q, v] = [one(o, "query").shape, one(o, "value").shape];
        const scores = sizeOf(q.slice(0, -1)) * v.at(-2)!;
        return scores * (2 * q.at(-1)! + 2 * v.at(-1)! + 4);
      },
    },
  ),
];
