/**
 * Widens ports whose rows are not a multiple of 64 bytes. The interface changes: callers see the
 * wider shapes, the new columns of inputs are not read, those of outputs are zero.
 */
import { type Binding, type Statement, typeOf, type Value } from "../../mil/tree.ts";
import type { Fix } from "./define.ts";
import {
  definingOthers,
  emitter,
  freshNames,
  isWritable,
  mapFunctions,
  nameValue,
  number,
  readingOthers,
} from "./rewrite.ts";
import { elementBytes, roundUp, surfaceLayout } from "./run_context.ts";
import { elementCount, type MilView, type Tensor, tensorOf } from "./walk.ts";

/** The width a port needs, or undefined if it is right. */
function neededWidth(t: Tensor | undefined): number | undefined {
  if (t === undefined || t.shape.length === 0 || t.shape.includes(0)) return undefined;
  if (!t.shape.every((n) => isWritable(n + 64))) return undefined;
  const { rowBytes, packedRowBytes } = surfaceLayout(t.shape, t.element);
  if (rowBytes === packedRowBytes || elementCount(t.shape.slice(0, -1)) === 1) return undefined;
  return roundUp(packedRowBytes, 64) / elementBytes(t.element);
}

export const padPorts: Fix = (c) =>
  mapFunctions(c, (view) => {
    const fresh = freshNames(view.f);
    const inner = new Map<string, string>();
    const before: Statement[] = [];
    const inputs = view.f.inputs.map((i) => widened(view, i, fresh, inner, before));
    const after: Statement[] = [];
    const replaced = new Map(inner);
    for (const { name } of view.f.outputs) {
      const t = tensorOf(view.types.get(name));
      const width = neededWidth(t);
      if (t === undefined || width === undefined || view.inputs.has(name)) continue;
      const own = fresh(`${name}_columns`);
      replaced.set(name, own);
      after.push(...padded(t, width, own, name, fresh));
    }
    if (before.length + after.length === 0) return view.f;
    const body = view.f.body.map((s) => definingOthers(readingOthers(s, replaced), replaced));
    return { ...view.f, inputs, body: [...before, ...body, ...after] };
  });

/** The input as callers see it; `before` cuts out what the function reads. */
function widened(
  view: MilView,
  input: Binding,
  fresh: (wish: string) => string,
  inner: Map<string, string>,
  before: Statement[],
): Binding {
  const t = tensorOf(input.type);
  const width = neededWidth(t);
  if (t === undefined || width === undefined || view.outputs.has(input.name)) return input;
  const own = fresh(`${input.name}_columns`);
  inner.set(input.name, own);
  const { emit, statements } = emitter(fresh);
  const args = { x: nameValue(input.name), begin: t.shape.map(() => 0), size: t.shape };
  emit.add("slice_by_size", t, args, own);
  before.push(...statements);
  return { ...input, type: typeOf(t.element, [...t.shape.slice(0, -1), width]) };
}

function padded(
  t: Tensor,
  width: number,
  from: string,
  to: string,
  fresh: (wish: string) => string,
): Statement[] {
  const { emit, statements } = emitter(fresh);
  const extra = width - t.shape.at(-1)!;
  const pad = [...t.shape.slice(0, -1).flatMap(() => [0, 0]), 0, extra];
  const shape = [...t.shape.slice(0, -1), width];
  const widen = (x: Value, { element }: Pick<Tensor, "element">, name?: string): Value => {
    const args = { x, pad, mode: "constant", constant_val: number(0, element) };
    return emit.add("pad", { element, shape }, args, name);
  };
  if (t.element !== "bool") {
    widen(nameValue(from), t, to);
    return statements;
  }
  // `pad` takes no bools.
  const half = { ...t, element: "fp16" } as const;
  const numbers = emit.add("cast", half, { x: nameValue(from), dtype: "fp16" });
  emit.add("cast", { ...t, shape }, { x: widen(numbers, half), dtype: "bool" }, to);
  return statements;
}
