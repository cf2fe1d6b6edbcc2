/**
 * Types of values: an element type and a list of dimensions.
 *
 * A dimension is a product of factors, each a name with a size (`H*E` is two factors) or a bare
 * number. Names are part of the type: `[S, D]` and `[S, F]` differ even where D and F happen to be
 * equal, so a mix-up is found before it costs a training run. A bare number fits any equal size.
 */

export type DType = "f32" | "f16" | "i32";

export interface Factor {
  /** Null for a bare number. */
  readonly name: string | null;
  readonly size: number;
}

export interface Dim {
  readonly factors: readonly Factor[];
  /** Product of the factors' sizes. */
  readonly size: number;
}

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A dimension of one factor; `dim("S", 128)` or, without a name, `dim(null, 128)`. */
export function dim(name: string | null, size: number): Dim {
  return { factors: [{ name, size }], size };
}

/** The product of dimensions; factors of size 1 without a name disappear. */
export function productDim(dims: readonly Dim[]): Dim {
  const factors = dims.flatMap((d) => d.factors).filter((f) => f.name !== null || f.size !== 1);
  if (factors.length === 0) return dim(null, 1);
  const size = factors.reduce((n, f) => n * f.size, 1);
  return factors.every((f) => f.name === null) ? dim(null, size) : { factors, size };
}

export function tensorType(dtype: DType, shape: readonly Dim[]): TensorType {
  return { dtype, shape };
}

/** True when no factor has a name. */
export function isAnonymous(d: Dim): boolean {
  return d.factors.every((f) => f.name === null);
}

/** Whether two dimensions may stand for one another: equal sizes and, if both are named, equal names. */
export function sameDim(a: Dim, b: Dim): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  if (isAnonymous(a) || isAnonymous(b)) return true;
  return (
    a.factors.length === b.factors.length &&
    a.factors.every((f, i) => f.name === b.factors[i]!.name && f.size === b.factors[i]!.size)
  );
}

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((d, i) => sameDim(d, b[i]!));
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** Of two dimensions that fit, the one that says more. */
export function namedOf(a: Dim, b: Dim): Dim {
  return isAnonymous(a) ? b : a;
}

export function sizesOf(shape: readonly Dim[]): number[] {
  return shape.map((d) => d.size);
}

export function elementCount(shape: readonly Dim[]): number {
  return shape.reduce((n, d) => n * d.size, 1);
}

export function isFloat(dtype: DType): boolean {
  return dtype !== "i32";
}

export function bytesPerElement(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** `S`, `H*E`, `128`. */
export function dimName(d: Dim): string {
  return d.factors.map((f) => f.name ?? String(f.size)).join("*");
}

/** As users write it: `[S, H*E]`. */
export function shapeName(shape: readonly Dim[]): string {
  return `[${shape.map(dimName).join(", ")}]`;
}

/** With sizes, for messages: `[S 256, F 2048]`, `[H*E 512]`, `[3]`. */
export function shapeWithSizes(shape: readonly Dim[]): string {
  return `[${shape.map((d) => (isAnonymous(d) ? String(d.size) : `${dimName(d)} ${d.size}`)).join(", ")}]`;
}

/** As the graph printer writes it: `S:4`, `H:2*E:8`, `8`. */
export function dimText(d: Dim): string {
  return d.factors.map((f) => (f.name === null ? String(f.size) : `${f.name}:${f.size}`)).join("*");
}

export function typeText(t: TensorType): string {
  return `${t.dtype}[${t.shape.map(dimText).join(", ")}]`;
}
