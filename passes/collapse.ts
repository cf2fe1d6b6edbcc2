/** Fewer, longer axes for strided loops over several operands. */

export interface Collapsed {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/**
 * Merges neighbouring axes that every operand walks without a gap and drops axes of one element.
 * The order of the elements stays the same. At least one axis remains.
 */
export function collapseAxes(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): Collapsed {
  const outShape: number[] = [];
  const out: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = outShape.length - 1;
    const merges = last >= 0 && strides.every((s, i) => out[i]![last] === s[axis]! * shape[axis]!);
    if (merges) {
      outShape[last] = outShape[last]! * shape[axis]!;
      for (const [i, s] of strides.entries()) out[i]![last] = s[axis]!;
    } else {
      outShape.push(shape[axis]!);
      for (const [i, s] of strides.entries()) out[i]!.push(s[axis]!);
    }
  }
  if (outShape.length === 0) return { shape: [1], strides: strides.map(() => [1]) };
  return { shape: outShape, strides: out };
}
