/** Declared types against actual ones: dimensions by name, variables bound by calls, `...`. */
import {
  type Dim,
  dim,
  productDim,
  sameDim,
  shapeName,
  type TensorType,
} from "../compiler/ir/types.ts";
import type { DimExpr, Name, TypeExpr } from "./ast.ts";

/** The dimensions a layer body sees: those of the file, and its own variables once bound. */
export interface Dimensions {
  readonly file: ReadonlyMap<string, number>;
  readonly variables: Map<string, Dim | undefined>;
  /** What `...` stands for, once bound. */
  leading: readonly Dim[] | undefined;
}

export function dimensionsOf(
  file: ReadonlyMap<string, number>,
  variables: readonly Name[],
): Dimensions {
  return {
    file,
    variables: new Map(variables.map((v) => [v.text, undefined])),
    leading: undefined,
  };
}

/** The dimension of a name; undefined for a variable that is not bound and for an unknown name. */
export function lookupDim(dimensions: Dimensions, name: string): Dim | undefined {
  if (dimensions.variables.has(name)) return dimensions.variables.get(name);
  const size = dimensions.file.get(name);
  return size === undefined ? undefined : dim(name, size);
}

/** The dimension of an expression such as `H*E`; undefined where a name in it has none. */
export function resolveDim(dimensions: Dimensions, expr: DimExpr): Dim | undefined {
  const parts = expr.factors.map((f) =>
    f.kind === "number" ? dim(null, f.value) : lookupDim(dimensions, f.name),
  );
  const known = parts.filter((d) => d !== undefined);
  if (known.length < parts.length) return undefined;
  return known.length === 1 ? known[0]! : productDim(known);
}

export function resolveDims(dimensions: Dimensions, exprs: readonly DimExpr[]): Dim[] | undefined {
  const dims = exprs.map((e) => resolveDim(dimensions, e)).filter((d) => d !== undefined);
  return dims.length === exprs.length ? dims : undefined;
}

/** The type a declaration stands for; undefined where a dimension has no value. */
export function resolveType(dimensions: Dimensions, type: TypeExpr): TensorType | undefined {
  const shape = resolveDims(dimensions, type.dims);
  if (shape === undefined) return undefined;
  const leading = type.open ? (dimensions.leading ?? []) : [];
  return { dtype: type.dtype === "" ? "f32" : type.dtype, shape: [...leading, ...shape] };
}

/** The declaration as written. */
export function typeExprText(type: TypeExpr): string {
  const dims = type.dims.map((d) =>
    d.factors.map((f) => (f.kind === "name" ? f.name : f.value)).join("*"),
  );
  return `${type.dtype}[${[...(type.open ? ["..."] : []), ...dims].join(", ")}]`;
}

/**
 * Fits an actual type to a declaration, binding variables and `...` on first use. Returns undefined
 * where it fits, or else what is bound to what, as far as a reader needs it.
 */
export function bindArgument(
  dimensions: Dimensions,
  declared: TypeExpr,
  actual: TensorType,
): { readonly why: string } | undefined {
  const dtype = declared.dtype === "" ? "f32" : declared.dtype;
  if (dtype !== actual.dtype) return { why: `It needs elements of type ${dtype}.` };
  const lead = actual.shape.length - declared.dims.length;
  if (lead < 0 || (lead > 0 && !declared.open)) {
    const count = declared.dims.length;
    const least = declared.open ? "at least " : "";
    return { why: `It needs ${least}${count} dimension${count === 1 ? "" : "s"}.` };
  }
  if (declared.open) {
    const leading = actual.shape.slice(0, lead);
    const before = dimensions.leading;
    const isSame =
      before === undefined ||
      (before.length === lead && before.every((d, i) => sameDim(d, leading[i]!)));
    if (!isSame) return { why: `\`...\` stands for ${shapeName(before)} already.` };
    dimensions.leading ??= leading;
  }
  for (const [i, expr] of declared.dims.entries()) {
    const found = actual.shape[lead + i]!;
    const first = expr.factors[0];
    const isFree =
      expr.factors.length === 1 &&
      first?.kind === "name" &&
      dimensions.variables.has(first.name) &&
      dimensions.variables.get(first.name) === undefined;
    if (isFree) {
      dimensions.variables.set(first.name, found);
      continue;
    }
    const expected = resolveDim(dimensions, expr);
    if (expected === undefined || !sameDim(expected, found)) return { why: boundText(dimensions) };
  }
  return undefined;
}

function boundText(dimensions: Dimensions): string {
  const bound = [...dimensions.variables].flatMap(([name, d]) =>
    d === undefined ? [] : [`${name} = ${shapeName([d]).slice(1, -1)}`],
  );
  return bound.length === 0 ? "" : `Bound by the arguments before: ${bound.join(", ")}.`;
}
