/** Formulas of ops with indices. */
import type { OracleCase, Reader } from "../../../support/mil_oracle.ts";

type Mode = readonly [name: string, combine: (old: number, update: number) => number];

const MODES: readonly Mode[] = [
  ["add", (a, b) => a + b],
  ["sub", (a, b) => a - b],
  ["mul", (a, b) => a * b],
  ["div", (a, b) => a / b],
  ["max", (a, b) => (a > b ? a : b)],
  ["min", (a, b) => (a < b ? a : b)],
  ["update", (_, b) => b],
];

/** An old value, combined with those of five updates that name its place, one after another. */
function combined(
  old: number,
  [, combine]: Mode,
  isHit: (i: number) => boolean,
  update: (i: number) => number,
): number {
  let value = old;
  for (let i = 0; i < 5; i++) if (isHit(i)) value = combine(value, update(i));
  return value;
}

const modeText = ([name]: Mode): string => `mode = string("${name}")`;

const scatter = (mode: Mode): OracleCase => ({
  op: "scatter",
  about: mode[0],
  in: { d: "F 2,4,3 0.5..2", i: "int32 5 0..3", u: "F 2,5,3 0.5..2" },
  y: `scatter(data = d, indices = i, updates = u, axis = 1, ${modeText(mode)})`,
  out: "F 2,4,3",
  at: ({ d, i, u }, a, b, c) => {
    const isHit = (k: number): boolean => i!(k) === b;
    return combined(d!(a!, b!, c!), mode, isHit, (k) => u!(a!, k, c!));
  },
});

const scatterAlongAxis = (mode: Mode): OracleCase => ({
  op: "scatter_along_axis",
  about: mode[0],
  in: { d: "F 2,4,3 0.5..2", i: "int32 2,5,3 0..3", u: "F 2,5,3 0.5..2" },
  y: `scatter_along_axis(data = d, indices = i, updates = u, axis = 1, ${modeText(mode)})`,
  out: "F 2,4,3",
  at: ({ d, i, u }, a, b, c) => {
    const isHit = (k: number): boolean => i!(a!, k, c!) === b;
    return combined(d!(a!, b!, c!), mode, isHit, (k) => u!(a!, k, c!));
  },
});

const isPlace = (i: Reader, k: number, a: number, b: number): boolean =>
  i(k, 0) === a && i(k, 1) === b;

const scatterNd = (mode: Mode): OracleCase => ({
  op: "scatter_nd",
  about: mode[0],
  in: { d: "F 2,4,3 0.5..2", i: "int32 5,2 0..1", u: "F 5,3 0.5..2" },
  y: `scatter_nd(data = d, indices = i, updates = u, ${modeText(mode)})`,
  out: "F 2,4,3",
  at: ({ d, i, u }, a, b, c) => {
    const isHit = (k: number): boolean => isPlace(i!, k, a!, b!);
    return combined(d!(a!, b!, c!), mode, isHit, (k) => u!(k, c!));
  },
});

export const GATHERS: readonly OracleCase[] = [
  {
    op: "gather",
    in: { x: "F 2,4,3", i: "int32 5 -4..3" },
    y: "gather(x = x, indices = i, axis = 1, batch_dims = 0, validate_indices = false)",
    out: "F 2,5,3",
    at: ({ x, i }, a, k, c) => x!(a!, (i!(k!) + 4) % 4, c!),
  },
  {
    op: "gather",
    about: "two dimensions of uint16",
    in: { x: "F 4,3", i: "uint16 2,2 0..3" },
    y: "gather(x = x, indices = i, axis = 0)",
    out: "F 2,2,3",
    at: ({ x, i }, a, b, c) => x!(i!(a!, b!), c!),
  },
  {
    op: "gather",
    about: "one index",
    in: { x: "F 4,3", i: "int32 - 0..2" },
    y: "gather(x = x, indices = i, axis = -1)",
    out: "F 4",
    at: ({ x, i }, a) => x!(a!, i!()),
  },
  {
    op: "gather",
    about: "batches",
    in: { x: "F 2,4,3", i: "int32 2,5 0..3" },
    y: "gather(x = x, indices = i, axis = 1, batch_dims = 1)",
    out: "F 2,5,3",
    at: ({ x, i }, a, k, c) => x!(a!, i!(a!, k!), c!),
  },
  {
    op: "gather_along_axis",
    in: { x: "F 2,4,3", i: "int32 2,6,3 0..3" },
    y: "gather_along_axis(x = x, indices = i, axis = 1)",
    out: "F 2,6,3",
    at: ({ x, i }, a, k, c) => x!(a!, i!(a!, k!, c!), c!),
  },
  {
    op: "gather_nd",
    in: { x: "F 2,4,3", i: "int32 5,2 0..1" },
    y: "gather_nd(x = x, indices = i)",
    out: "F 5,3",
    at: ({ x, i }, k, c) => x!(i!(k!, 0), i!(k!, 1), c!),
  },
  {
    op: "gather_nd",
    about: "batches",
    in: { x: "F 2,4,3", i: "int32 2,5,1 0..3" },
    y: "gather_nd(x = x, indices = i, batch_dims = 1)",
    out: "F 2,5,3",
    at: ({ x, i }, a, k, c) => x!(a!, i!(a!, k!, 0), c!),
  },
  ...MODES.map(scatter),
  ...MODES.map(scatterAlongAxis),
  ...MODES.map(scatterNd),
  {
    op: "one_hot",
    in: { i: "int32 2,3 0..4" },
    y: "one_hot(indices = i, one_hot_vector_size = 5, axis = 1, on_value = F(3), off_value = F(-1))",
    out: "F 2,5,3",
    at: ({ i }, a, k, b) => (i!(a!, b!) === k ? 3 : -1),
  },
  {
    op: "one_hot",
    about: "the last axis, zeros and ones",
    in: { i: "int32 4 0..4" },
    y: "one_hot(indices = i, one_hot_vector_size = 5)",
    out: "int32 4,5",
    at: ({ i }, a, k) => (i!(a!) === k ? 1 : 0),
  },
];
