/** Values of the reference interpreter: row-major, every element type held as float64. */
import { invariant } from "../support/bug.ts";

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

export function tensor(shape: readonly number[], data: ArrayLike<number>): Tensor {
  invariant(
    data.length === countOf(shape),
    `tensor of ${data.length} elements as [${shape.join(", ")}]`,
  );
  return { shape, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

export function zeros(shape: readonly number[]): Tensor {
  return { shape, data: new Float64Array(countOf(shape)) };
}

export function scalar(value: number): Tensor {
  return { shape: [], data: Float64Array.of(value) };
}

/** Elements to step for one more along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** Strides for reading a tensor of shape `from` as if it had shape `to`: 0 where it is repeated. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]!));
}

/** Calls `visit(position, offset)` for every element of `shape`; `offset` follows `strides`. */
export function forEachOffset(
  shape: readonly number[],
  strides: readonly number[],
  visit: (position: number, offset: number) => void,
): void {
  const index = new Array<number>(shape.length).fill(0);
  const count = countOf(shape);
  let offset = 0;
  for (let position = 0; position < count; position++) {
    visit(position, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      offset += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Elements of `x` in the order of `shape` walked with `strides` from `start`. */
export function gatherStrided(
  x: Tensor,
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Tensor {
  const out = zeros(shape);
  forEachOffset(shape, strides, (position, offset) => {
    out.data[position] = x.data[start + offset]!;
  });
  return out;
}

/** The tensors of the last `rank` axes, one for each index of the axes before them, in order. */
export function innerTensors({ shape, data }: Tensor, rank: number): Tensor[] {
  const inner = shape.slice(shape.length - rank);
  const size = countOf(inner);
  return Array.from({ length: countOf(shape.slice(0, shape.length - rank)) }, (_, i) => ({
    shape: inner,
    data: data.subarray(i * size, (i + 1) * size),
  }));
}
