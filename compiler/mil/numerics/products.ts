/** matmul, linear, einsum and attention in an arithmetic of their own. */
import { broadcast, flag, maybe, one, sizeOf, textOf } from "../infer.ts";
import { equationOf, lastTwo, lettersOf, strided } from "../ops/products.ts";
import { softmaxRow } from "../ops/reduce.ts";
import {
  broadcastTo,
  type Loaded,
  type Meaning,
  stridesOf,
  view,
  walk,
  zeros,
} from "../tensors.ts";
import type { Arithmetic } from "./arithmetic.ts";
import { type IntegerPair, integerPair, multiplyIntegers } from "./integers.ts";
import type { Product } from "./multiply.ts";

/** The sums of integers where there are some on both sides, of numbers elsewhere. */
export function multiplied(
  a: Arithmetic,
  pair: IntegerPair | undefined,
  along: "rows" | "columns",
  product: Product,
): Float64Array {
  if (pair === undefined) return a.multiply(product);
  const outputs = along === "rows" ? product.m : product.n;
  const values =
    pair.scale.length > 1 ? pair.scale : new Float64Array(outputs).fill(pair.scale[0]!);
  return multiplyIntegers(product, { along, values });
}

/** [.., M, K] · [.., K, N] */
export const matmulIn =
  (a: Arithmetic): Meaning =>
  (o, out) => {
    const [x, y] = [one(o, "x"), one(o, "y")];
    const [flipX, flipY] = [flag(o, "transpose_x"), flag(o, "transpose_y")];
    const [m, k] = lastTwo(x, true, flipX);
    const n = lastTwo(y, false, flipY)[1];
    const batch = broadcast(x.shape.slice(0, -2), y.shape.slice(0, -2))!;
    const outputs = y.shape.length - (flipY && y.shape.length > 1 ? 2 : 1);
    const pair = a.isExact && y.shape.length > 1 ? integerPair(x, y, outputs) : undefined;
    const left = { ...x, data: pair?.x ?? a.operand(x) };
    const right = { ...y, data: pair?.w ?? a.operand(y) };
    const result = zeros(out.shape);
    const [p, q] = [strided(left, true, flipX, batch), strided(right, false, flipY, batch)];
    const places: number[] = [];
    walk(batch, q.batch, 0, (from) => places.push(from));
    walk(batch, p.batch, 0, (from, b) => {
      const rows = view(p.data, [m, k], [p.row, p.column], from);
      const columns = view(q.data, [k, n], [q.row, q.column], places[b]!);
      result.set(multiplied(a, pair, "columns", { m, k, n, x: rows, y: columns }), b * m * n);
    });
    return result;
  };

/** x · weightᵀ + bias */
export const linearIn =
  (a: Arithmetic): Meaning =>
  (o) => {
    const [x, weight, bias] = [one(o, "x"), one(o, "weight"), maybe(o, "bias")];
    const [n, k] = weight.shape as [number, number];
    const pair = a.isExact ? integerPair(x, weight, 0) : undefined;
    return multiplied(a, pair, "columns", {
      m: sizeOf(x.shape.slice(0, -1)),
      k,
      n,
      x: pair?.x ?? a.operand(x),
      y: view(pair?.w ?? a.operand(weight), [k, n], [1, k]),
      start: bias && { along: "columns", values: bias.data },
    });
  };

/**
 * The letters of the result that only one operand has are rows and columns, those of both are batches,
 * and the others are summed over.
 */
export const einsumIn =
  (a: Arithmetic): Meaning =>
  (o, out) => {
    const equation = equationOf(textOf(o, "equation", ""))!;
    const sizes = lettersOf(o, equation) as ReadonlyMap<string, number>;
    const [x, y] = o.get("values") as [Loaded, Loaded];
    const [left, right] = equation.terms as [readonly string[], readonly string[]];
    const kept = equation.result;
    const groups = {
      batch: kept.filter((l) => left.includes(l) && right.includes(l)),
      rows: kept.filter((l) => !right.includes(l)),
      columns: kept.filter((l) => !left.includes(l)),
      inner: [...sizes.keys()].filter((l) => !kept.includes(l)),
    };
    const shapeOf = (letters: readonly string[]) => letters.map((l) => sizes.get(l)!);
    const stridesIn = ({ shape }: Loaded, term: readonly string[], letters: readonly string[]) => {
      const strides = stridesOf(shape);
      return letters.map((l) => {
        const d = term.indexOf(l);
        return d < 0 || shape[d] === 1 ? 0 : strides[d]!;
      });
    };
    const packed = (operand: Loaded, term: readonly string[], letters: readonly string[]) =>
      view(a.operand(operand), shapeOf(letters), stridesIn(operand, term, letters));
    const xs = packed(x, left, [...groups.batch, ...groups.rows, ...groups.inner]);
    const ys = packed(y, right, [...groups.batch, ...groups.inner, ...groups.columns]);
    const [batches, m, k, n] = [groups.batch, groups.rows, groups.inner, groups.columns].map((g) =>
      sizeOf(shapeOf(g)),
    ) as [number, number, number, number];
    const dense = zeros([batches, m, n]);
    for (let b = 0; b < batches; b++) {
      const [rows, columns] = [xs.subarray(b * m * k), ys.subarray(b * k * n)];
      const product = { m, k, n, x: rows.subarray(0, m * k), y: columns.subarray(0, k * n) };
      dense.set(a.multiply(product), b * m * n);
    }
    const order = [...groups.batch, ...groups.rows, ...groups.columns];
    const strides = stridesOf(shapeOf(order));
    return view(
      dense,
      out.shape,
      kept.map((l) => strides[order.indexOf(l)]!),
    );
  };

/**
 * softmax(q · kᵀ / √E + mask) · v, its scores and weights stored like any values. Without a mask the
 * scores are scaled inside the softmax.
 */
export const attentionIn =
  (a: Arithmetic): Meaning =>
  (o) => {
    const [query, key, value] = [one(o, "query"), one(o, "key"), one(o, "value")];
    const batch = sizeOf(query.shape.slice(0, -2));
    const [l, e] = [query.shape.at(-2)!, query.shape.at(-1)!];
    const [s, v] = [value.shape.at(-2)!, value.shape.at(-1)!];
    const mask = maybe(o, "attn_mask");
    const full = mask && broadcastTo(mask, [...query.shape.slice(0, -1), s]);
    const result = zeros([batch, l, v]);
    const [queries, keys, values] = [query, key, value].map((t) => a.operand(t)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let b = 0; b < batch; b++) {
      const scores = a.multiply({
        m: l,
        k: e,
        n: s,
        x: queries.subarray(b * l * e, (b + 1) * l * e),
        y: view(keys, [e, s], [1, e], b * s * e),
      });
      for (let i = 0; i < scores.length; i++) {
        const scaled = a.read(a.store(scores[i]!)) / Math.sqrt(e);
        scores[i] = full === undefined ? scaled : a.read(a.store(scaled));
        if (full === undefined) continue;
        const allowed = a.read(full[b * l * s + i]!);
        if (mask!.element !== "bool") scores[i]! += allowed;
        else if (allowed === 0) scores[i] = Number.NEGATIVE_INFINITY;
      }
      for (let i = 0; i < l; i++) {
        const row = scores.subarray(i * s, (i + 1) * s);
        softmaxRow(row.slice(), row);
      }
      const weights = scores.map(a.store);
      const at = values.subarray(b * s * v, (b + 1) * s * v);
      result.set(a.multiply({ m: l, k: s, n: v, x: weights, y: at }), b * l * v);
    }
    return result;
  };
