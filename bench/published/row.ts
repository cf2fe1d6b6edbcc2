/** A published measurement and how the cost model predicts it. */
import { createHash } from "node:crypto";
import type { ChipName } from "../../compiler/target/chip_names.ts";
import {
  addCosts,
  type CostConstants,
  type HostWork,
  hostCost,
  programCost,
} from "../../compiler/target/cost.ts";
import { addWork, NO_WORK, productWork, type Work } from "../../compiler/target/cost_work.ts";

export interface Row {
  /** Unique; its hash decides whether the fit sees the row. */
  readonly id: string;
  readonly source: string;
  readonly chip: ChipName;
  /** As published, in milliseconds; the middle of a range. */
  readonly ms: number;
  /** Milliseconds by the model. */
  readonly predict: (constants: CostConstants) => number;
  /** What the publication leaves open and we assumed. */
  readonly assumes?: string;
}

/** A published number that the model does not predict, and why. */
export interface Outside {
  readonly id: string;
  readonly source: string;
  readonly published: string;
  readonly reason: string;
}

export interface Place {
  readonly source: string;
  readonly chip: ChipName;
  readonly assumes?: string;
}

/** Whether the fit may look at a row: half of all ids, by hash. */
export function isSeen({ id }: Pick<Row, "id">): boolean {
  return createHash("sha256").update(id).digest()[0]! % 2 === 0;
}

/** One call of a program, or `calls` of them. */
export function call(id: string, place: Place, ms: number, work: Work, calls = 1): Row {
  return { id, ...place, ms, predict: (c) => calls * programCost(work, c).total };
}

/** Several calls of different programs. */
export function callsOf(id: string, place: Place, ms: number, works: readonly Work[]): Row {
  return { id, ...place, ms, predict: (c) => engineMs(works, c) };
}

/** Work of the host. */
export function host(
  id: string,
  place: Place,
  ms: number,
  work: Partial<HostWork>,
  busy = false,
): Row {
  return { id, ...place, ms, predict: (c) => hostCost(work, c, busy).total };
}

/** Milliseconds of calls one after the other. */
export function engineMs(works: readonly Work[], c: CostConstants): number {
  return addCosts(works.map((w) => programCost(w, c))).total;
}

const HALF = 2;

/** A product of activations [m, k] with constant weights [k, n], in and out through surfaces. */
export function linear(m: number, k: number, n: number, bytesPerWeight = HALF): Work {
  return {
    ...NO_WORK,
    ...productWork(2 * m * k * n, k),
    weightBytes: k * n * bytesPerWeight,
    surfaceBytes: HALF * m * (k + n),
    ops: 1,
  };
}

/** The same with the weights as an input beside the activations: sliced, turned, multiplied. */
export function dynamicLinear(m: number, k: number, n: number): Work {
  return {
    ...NO_WORK,
    ...productWork(2 * m * k * n, k),
    surfaceBytes: HALF * (k * (m + n) + m * n),
    movedBytes: HALF * (k * n + 2 * m * k + m * n),
    ops: 5,
  };
}

export interface ConvShape {
  readonly channels: number;
  readonly kernel?: number;
  readonly positions: number;
  readonly images?: number;
  readonly depth?: number;
}

/**
 * `depth` convolutions of equal width. The benches fill all layers with the same numbers, and equal
 * constants are stored once, so one layer's weights are read.
 */
export function convs({ channels, kernel = 1, positions, images = 1, depth = 1 }: ConvShape): Work {
  const k = channels * kernel * kernel;
  const bytes = HALF * channels * positions * images;
  return {
    ...NO_WORK,
    ...productWork(2 * k * channels * positions * images * depth, k),
    weightBytes: HALF * k * channels,
    surfaceBytes: 2 * bytes,
    spilledBytes: bytes > 2 ** 21 ? 2 * bytes * (depth - 1) : 0,
    ops: depth,
  };
}

/** An element-wise op on `n` elements. */
export function elementwise(n: number, more: Partial<Work> = {}): Work {
  return addWork({ ...NO_WORK, elements: n, surfaceBytes: 2 * HALF * n, ops: 1 }, more);
}

/** `work` done `times` in one program, without the surfaces in between. */
export function repeated(work: Work, times: number): Work {
  const rest: Work = { ...work, surfaceBytes: 0 };
  let sum: Work = { ...NO_WORK, surfaceBytes: work.surfaceBytes };
  for (let i = 0; i < times; i++) sum = addWork(sum, rest);
  return sum;
}
