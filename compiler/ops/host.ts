/**
 * How an op tells the `cpu` target to run it: as a view of its input, or as a call of a host kernel.
 *
 * The lowering (`passes/lower_to_host.ts`) supplies the emitter; ops never see buffers or schedules.
 */
import type { Node } from "../ir/node.ts";

/** Where a value lies: `shape` and `strides` in elements over some storage. */
export interface View {
  readonly storage: number;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What an op's host rule may ask for. */
export interface HostEmitter {
  readonly node: Node;
  /** Operand `i` where it lies; strides are arbitrary. */
  readonly input: (i: number) => View;
  /** Operand `i` in row-major order, copied if it is not. */
  readonly dense: (i: number) => View;
  /** Where the result goes. Row-major unless the rule says `stridedOutput`. */
  readonly output: View;
  /** Where the result of sibling `i` of the family goes (see `HostRule.family`). */
  sibling(i: number): View;
  /** The write mode of the result: `WRITE` of the plan. Always 0 unless the rule says `accumulates`. */
  readonly write: number;
  /** A temporary of `count` elements, live during this op only. */
  scratch(count: number): View;
  /** Adds a kernel call to the schedule; `null` is an absent operand. */
  emit(
    kernel: string,
    operands: readonly (View | null)[],
    ints: readonly number[],
    floats?: readonly number[],
  ): void;
}

export interface HostRule {
  /** The result as a view of operand 0, if it needs no work there; then `run` is not called. */
  readonly view?: (node: Node, input: View) => View | undefined;
  readonly run?: (host: HostEmitter) => void;
  /** The kernel can write a result that is not row-major. */
  readonly stridedOutput?: boolean;
  /** The kernel can add to what is there. */
  readonly accumulates?: boolean;
  /** The kernel may write over operand `i` when nobody else needs it. */
  readonly inPlace?: number;
  /** Result and operand 0 are the same storage for good: state that is updated. */
  readonly updates?: boolean;
  /** Ops computed by one kernel call when they have the same operands. */
  readonly family?: { readonly name: string; readonly members: readonly string[] };
}

export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** Row-major, ignoring the strides of axes of one element. */
export function isDense(view: View): boolean {
  let step = 1;
  for (let i = view.shape.length - 1; i >= 0; i--) {
    if (view.shape[i] !== 1 && view.strides[i] !== step) return false;
    step *= view.shape[i]!;
  }
  return true;
}

/** The views of the last `rank` axes, one for each index of the axes before them, in order. */
export function innerViews(view: View, rank: number): View[] {
  const lead = view.shape.length - rank;
  const inner = { shape: view.shape.slice(lead), strides: view.strides.slice(lead) };
  let offsets = [view.offset];
  for (let axis = 0; axis < lead; axis++) {
    const steps = Array.from({ length: view.shape[axis]! }, (_, i) => i * view.strides[axis]!);
    offsets = offsets.flatMap((offset) => steps.map((step) => offset + step));
  }
  return offsets.map((offset) => ({ storage: view.storage, offset, ...inner }));
}

/** The view read in another shape, if the strides allow it without a copy. */
export function reshapeView(view: View, shape: readonly number[]): View | undefined {
  if (shape.some((d) => d === 0)) return undefined;
  const strides = new Array<number>(shape.length).fill(0);
  // Walk both shapes from the last axis, matching groups of axes with equal products.
  const from = view.shape
    .map((size, i) => ({ size, stride: view.strides[i]! }))
    .filter((a) => a.size !== 1);
  let i = from.length - 1;
  let rest = 1;
  let stride = 1;
  for (let j = shape.length - 1; j >= 0; j--) {
    if (shape[j] === 1) continue;
    if (rest === 1) {
      const axis = from[i];
      if (axis === undefined) return undefined;
      rest = axis.size;
      stride = axis.stride;
      i -= 1;
    }
    // Merge further axes that continue this one without a gap.
    while (rest % shape[j]! !== 0) {
      const axis = from[i];
      if (axis === undefined || axis.stride !== stride * rest) return undefined;
      rest *= axis.size;
      i -= 1;
    }
    strides[j] = stride;
    stride *= shape[j]!;
    rest /= shape[j]!;
  }
  return rest === 1 && i < 0 ? { ...view, shape, strides } : undefined;
}
