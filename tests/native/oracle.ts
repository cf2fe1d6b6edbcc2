/**
 * What the host kernels mean, in plain loops and double precision.
 */
export type Row = ArrayLike<number>;

export interface MatmulShape {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
  readonly strideA: number;
  readonly strideB: number;
  readonly strideC: number;
}

export function matmul(
  s: MatmulShape,
  a: Row,
  b: Row,
  c: Row,
  alpha: number,
  add: boolean,
): number[] {
  const out = Array.from(c);
  for (let p = 0; p < s.batch; ++p)
    for (let i = 0; i < s.m; ++i)
      for (let j = 0; j < s.n; ++j) {
        let sum = 0;
        for (let k = 0; k < s.k; ++k) {
          const x = a[p * s.strideA + (s.transA ? k * s.lda + i : i * s.lda + k)]!;
          const y = b[p * s.strideB + (s.transB ? j * s.ldb + k : k * s.ldb + j)]!;
          sum += x * y;
        }
        const at = p * s.strideC + i * s.ldc + j;
        out[at] = alpha * sum + (add ? out[at]! : 0);
      }
  return out;
}

/** Σ f(i) for i < n. */
export function sum(n: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; ++i) total += f(i);
  return total;
}

export function softmax(x: Row): number[] {
  const most = Math.max(...Array.from(x));
  const e = Array.from(x, (v) => Math.exp(v - most));
  const total = sum(e.length, (i) => e[i]!);
  return e.map((v) => v / total);
}

/** f applied to each row of n, results joined. */
export function byRow(x: Row, n: number, f: (row: number[], index: number) => number[]): number[] {
  const all = Array.from(x);
  const rows = n === 0 ? 0 : all.length / n;
  return Array.from({ length: rows }, (_, r) => f(all.slice(r * n, (r + 1) * n), r)).flat();
}

export const inverseRms = (x: Row, eps: number): number =>
  1 / Math.sqrt(sum(x.length, (i) => x[i]! ** 2) / x.length + eps);

export function rmsNorm(x: Row, w: Row, eps: number): number[] {
  return byRow(x, w.length, (row) => {
    const r = inverseRms(row, eps);
    return row.map((v, i) => v * r * w[i]!);
  });
}

/** Heads somewhere in memory: [head, row, e] at head · strides[0] + row · strides[1] + e. */
export type Strides = readonly [head: number, row: number];

export interface AttentionShape {
  readonly h: number;
  readonly k: number;
  readonly s: number;
  readonly t: number;
  readonly e: number;
  readonly causal: boolean;
  readonly scale: number;
}

/** o[head][query][e], from contiguous q [H, S, E], k and v [K, T, E]. */
export function attention(a: AttentionShape, q: Row, k: Row, v: Row): number[] {
  const out: number[] = [];
  for (let h = 0; h < a.h; ++h) {
    const kh = Math.floor(h / (a.h / a.k));
    for (let s = 0; s < a.s; ++s) {
      const visible = a.causal ? s + a.t - a.s + 1 : a.t;
      const scores = Array.from({ length: visible }, (_, t) =>
        sum(a.e, (e) => a.scale * q[(h * a.s + s) * a.e + e]! * k[(kh * a.t + t) * a.e + e]!),
      );
      const p = softmax(scores);
      for (let e = 0; e < a.e; ++e)
        out.push(sum(visible, (t) => p[t]! * v[(kh * a.t + t) * a.e + e]!));
    }
  }
  return out;
}

/** Contiguous [heads, rows, e] values laid out with strides; gaps are zero. */
export function spread(x: Row, heads: number, rows: number, e: number, at: Strides): Float32Array {
  const out = new Float32Array((heads - 1) * at[0] + (rows - 1) * at[1] + e);
  for (let h = 0; h < heads; ++h)
    for (let r = 0; r < rows; ++r)
      for (let i = 0; i < e; ++i) out[h * at[0] + r * at[1] + i] = x[(h * rows + r) * e + i]!;
  return out;
}

/** The inverse of spread. */
export function gather(x: Row, heads: number, rows: number, e: number, at: Strides): Float32Array {
  return Float32Array.from({ length: heads * rows * e }, (_, i) => {
    const [h, r] = [Math.floor(i / (rows * e)), Math.floor(i / e) % rows];
    return x[h * at[0] + r * at[1] + (i % e)]!;
  });
}

export function rope(
  x: Row,
  shape: { heads: number; s: number; e: number },
  options: { position: number; theta: number; split: boolean; inverse: boolean },
): number[] {
  const { heads, s: rows, e } = shape;
  const out = Array.from(x);
  for (let h = 0; h < heads; ++h)
    for (let s = 0; s < rows; ++s)
      for (let i = 0; i < e / 2; ++i) {
        const angle = (options.position + s) * options.theta ** ((-2 * i) / e);
        const [c, d] = [Math.cos(angle), Math.sin(angle) * (options.inverse ? -1 : 1)];
        const first = (h * rows + s) * e + (options.split ? i : 2 * i);
        const second = first + (options.split ? e / 2 : 1);
        out[first] = x[first]! * c - x[second]! * d;
        out[second] = x[first]! * d + x[second]! * c;
      }
  return out;
}

export function crossEntropy(logits: Row, targets: Row, v: number): number {
  const losses = byRow(logits, v, (row, r) => {
    const most = Math.max(...row);
    const lse = most + Math.log(sum(v, (i) => Math.exp(row[i]! - most)));
    return [lse - row[targets[r]!]!];
  });
  return sum(losses.length, (i) => losses[i]!) / losses.length;
}

/** Row-major strides of a shape. */
export function contiguous(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; --d) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
}

/** Calls f with the offsets of every index under each list of strides. */
export function walk(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  f: (offsets: number[]) => void,
): void {
  const total = shape.reduce((a, b) => a * b, 1);
  for (let n = 0; n < total; ++n) {
    let rest = n;
    const offsets = strides.map(() => 0);
    for (let d = shape.length - 1; d >= 0; --d) {
      const index = rest % shape[d]!;
      rest = Math.floor(rest / shape[d]!);
      for (const [i, s] of strides.entries()) offsets[i]! += index * s[d]!;
    }
    f(offsets);
  }
}

/** The derivative of f along x[i], by central differences. */
export function slope(f: (x: number[]) => number, x: Row, i: number, step = 1e-3): number {
  const at = (change: number): number => {
    const moved = Array.from(x);
    moved[i]! += change;
    return f(moved);
  };
  return (at(step) - at(-step)) / (2 * step);
}
