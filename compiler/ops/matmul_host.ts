/** `matmul` on the host: one GEMM call, reading operands through their strides where it can. */
import { bug } from "../support/bug.ts";
import type { HostEmitter, View } from "./host.ts";

/** A view as a matrix a GEMM can read: leading dimension, and whether its memory is transposed. */
interface Matrix {
  readonly view: View;
  readonly ld: number;
  readonly isTransposed: boolean;
}

function asMatrix(view: View): Matrix | undefined {
  const rank = view.shape.length;
  const [rows, columns] = [view.shape[rank - 2]!, view.shape[rank - 1]!];
  const [rs, cs] = [view.strides[rank - 2]!, view.strides[rank - 1]!];
  if ((cs === 1 || columns === 1) && rs >= columns) return { view, ld: rs, isTransposed: false };
  if ((rs === 1 || rows === 1) && cs >= rows) return { view, ld: cs, isTransposed: true };
  if ((cs === 1 || columns === 1) && rows === 1) return { view, ld: columns, isTransposed: false };
  return undefined;
}

/** One stride for the whole batch, or undefined if the batch axes do not line up. */
function batchStride(view: View, batch: readonly number[]): number | undefined {
  const lead = batch.length - (view.shape.length - 2);
  let stride: number | undefined;
  let count = 1;
  for (let i = batch.length - 1; i >= 0; i--) {
    if (batch[i] === 1) continue;
    const isRepeated = i < lead || view.shape[i - lead] === 1;
    const own = isRepeated ? 0 : view.strides[i - lead]!;
    if (stride === undefined) stride = own;
    else if (own !== stride * count) return undefined;
    count *= batch[i]!;
  }
  return stride ?? 0;
}

/** Rows of a batch that lie at one distance: the batch joins the rows, one large product. */
function flattenRows(view: View): View | undefined {
  const rank = view.shape.length;
  const step = view.strides[rank - 2]!;
  let rows = view.shape[rank - 2]!;
  for (let i = rank - 3; i >= 0; i--) {
    if (view.shape[i] !== 1 && view.strides[i] !== step * rows) return undefined;
    rows *= view.shape[i]!;
  }
  return {
    ...view,
    shape: [rows, view.shape[rank - 1]!],
    strides: [step, view.strides[rank - 1]!],
  };
}

export function runMatmul(host: HostEmitter, tx: boolean, ty: boolean): void {
  const shape = host.output.shape;
  const rank = shape.length;
  const [m, n] = [shape[rank - 2]!, shape[rank - 1]!];
  const batch = shape.slice(0, -2);

  const operand = (i: number): { matrix: Matrix; stride: number } => {
    for (const read of [host.input, host.dense]) {
      const view = read(i);
      const matrix = asMatrix(view);
      const stride = batchStride(view, batch);
      if (matrix !== undefined && stride !== undefined) return { matrix, stride };
    }
    return bug("a dense operand is always a matrix with one batch stride");
  };

  const y = operand(1);
  const count = batch.reduce((p, d) => p * d, 1);
  if (count > 1 && y.stride === 0 && !tx) {
    const flat = flattenRows(host.input(0)) ?? flattenRows(host.dense(0));
    const x = flat === undefined ? undefined : asMatrix(flat);
    if (x !== undefined) {
      emit(host, 1, count * m, n, x, y.matrix, tx, ty, [0, 0, 0]);
      return;
    }
  }
  const x = operand(0);
  emit(host, count, m, n, x.matrix, y.matrix, tx, ty, [x.stride, y.stride, m * n]);
}

function emit(
  host: HostEmitter,
  batch: number,
  m: number,
  n: number,
  x: Matrix,
  y: Matrix,
  tx: boolean,
  ty: boolean,
  strides: readonly [number, number, number],
): void {
  const rank = x.view.shape.length;
  const k = x.view.shape[tx ? rank - 2 : rank - 1]!;
  const transA = tx !== x.isTransposed ? 1 : 0;
  const transB = ty !== y.isTransposed ? 1 : 0;
  host.emit(
    "matmul",
    [x.view, y.view, host.output],
    [batch, m, n, k, transA, transB, x.ld, y.ld, n, ...strides, host.write],
    [1],
  );
}
