/**
 * Predicts how long a chip's engine takes for a program, and where the time goes.
 *
 *     programCost(workOf(program), chipNamed("m4"))
 *
 * A call pays the dispatch floor. Then products, or the weights they read, whichever takes longer;
 * beside them the surfaces are streamed, partly at the same time. Element-wise ops, reductions,
 * moves and what does not stay on the chip come on top, and a little for each task.
 *
 * The constants are fitted to published measurements by `bench/cost_model.ts`, which also says how
 * far off the predictions are.
 */
import type { ChipName } from "./chip_names.ts";
import { CHIP_CONSTANTS, SHARED_CONSTANTS } from "./cost_constants.ts";
import type { Work } from "./cost_work.ts";

/** What the model knows of one chip. */
export interface ChipConstants {
  /** Milliseconds of a call that does nothing. */
  readonly dispatchMs: number;
  /** TFLOPS of products. */
  readonly productTflops: number;
  /** GB/s of inputs and outputs. */
  readonly streamGBs: number;
  /** GB/s of constants. */
  readonly weightGBs: number;
}

/** What the model takes to be the same on all chips. */
export interface SharedConstants {
  /** The part of the shorter of products and streams that hides behind the longer. */
  readonly overlap: number;
  /** The share of the rate that products with a long contraction reach. */
  readonly longShare: number;
  /** Microseconds of a task. */
  readonly opUs: number;
  /** Billions of elements a second of element-wise ops. */
  readonly elementG: number;
  /** Billions of elements a second that reductions read. */
  readonly reduceG: number;
  /** GB/s of transposes, slices and concats. */
  readonly moveGBs: number;
  /** GB/s of values that do not stay on the chip. */
  readonly spillGBs: number;
  /** GB/s at which the host converts and writes or reads surfaces. */
  readonly hostCopyGBs: number;
  /** GB/s at which the host copies one surface to another. */
  readonly hostMoveGBs: number;
  /** GFLOP/s of products on the host. */
  readonly hostGflops: number;
  /** GB/s of element-wise work on the host. */
  readonly hostStreamGBs: number;
  /** How much slower host work gets on a machine that does other things. */
  readonly busyHost: number;
}

export interface CostConstants {
  readonly chip: ChipConstants;
  readonly shared: SharedConstants;
}

/** Milliseconds of one run of a program, by cause; they add up to `total`. */
export interface ProgramCost {
  readonly dispatch: number;
  /** Products, as far as they are longer than the weights they read. */
  readonly products: number;
  /** Weights, where reading them takes longer than the products. */
  readonly weights: number;
  /** Surfaces, less what hides behind products. */
  readonly surfaces: number;
  /** Element-wise ops and reductions. */
  readonly elementwise: number;
  /** Transposes, slices, concats. */
  readonly moves: number;
  readonly spill: number;
  /** A little for each task. */
  readonly tasks: number;
  readonly total: number;
}

/** The constants that were fitted for a chip. */
export function constantsOf(chip: ChipName): CostConstants {
  return { chip: CHIP_CONSTANTS[chip], shared: SHARED_CONSTANTS };
}

/** Predicts one run of a program, in milliseconds. */
export function programCost(work: Work, { chip, shared }: CostConstants): ProgramCost {
  const dispatch = chip.dispatchMs;
  // 1 TFLOPS is 1e9 operations a millisecond, 1 GB/s is 1e6 bytes a millisecond.
  const compute = (work.flops + work.longFlops / shared.longShare) / (chip.productTflops * 1e9);
  const reading = work.weightBytes / (chip.weightGBs * 1e6);
  const engine = Math.max(compute, reading);
  const streams = work.surfaceBytes / (chip.streamGBs * 1e6);
  const hidden = shared.overlap * Math.min(engine, streams);
  // What is hidden is taken from the shorter of the two.
  const surfaces = streams <= engine ? streams - hidden : streams;
  const visible = streams <= engine ? engine : engine - hidden;
  const elementwise =
    work.elements / (shared.elementG * 1e6) + work.reducedElements / (shared.reduceG * 1e6);
  const moves = work.movedBytes / (shared.moveGBs * 1e6);
  const spill = work.spilledBytes / (shared.spillGBs * 1e6);
  const tasks = (work.ops * shared.opUs) / 1e3;
  return {
    dispatch,
    products: compute >= reading ? visible : 0,
    weights: compute >= reading ? 0 : visible,
    surfaces,
    elementwise,
    moves,
    spill,
    tasks,
    total: dispatch + visible + surfaces + elementwise + moves + spill + tasks,
  };
}

/** What the host does for a micro-step or an update. */
export interface HostWork {
  /** fp16 bytes of surfaces that it writes or reads, converting to and from fp32. */
  readonly copiedBytes: number;
  /** Bytes that it copies from surface to surface. */
  readonly movedBytes: number;
  readonly flops: number;
  /** fp32 bytes that element-wise work reads and writes. */
  readonly streamedBytes: number;
}

export interface HostCost {
  readonly copies: number;
  readonly moves: number;
  readonly products: number;
  readonly elementwise: number;
  readonly total: number;
}

/** Predicts the host's share, in milliseconds. `busy`: other programs run beside it. */
export function hostCost(
  work: Partial<HostWork>,
  { shared }: Pick<CostConstants, "shared">,
  busy = false,
): HostCost {
  const slow = busy ? shared.busyHost : 1;
  const copies = (slow * (work.copiedBytes ?? 0)) / (shared.hostCopyGBs * 1e6);
  const moves = (slow * (work.movedBytes ?? 0)) / (shared.hostMoveGBs * 1e6);
  const products = (slow * (work.flops ?? 0)) / (shared.hostGflops * 1e6);
  const elementwise = (slow * (work.streamedBytes ?? 0)) / (shared.hostStreamGBs * 1e6);
  return { copies, moves, products, elementwise, total: copies + moves + products + elementwise };
}

/** Several costs added up. */
export function addCosts(costs: readonly ProgramCost[]): ProgramCost {
  const sum = (key: keyof ProgramCost): number => costs.reduce((total, c) => total + c[key], 0);
  return {
    dispatch: sum("dispatch"),
    products: sum("products"),
    weights: sum("weights"),
    surfaces: sum("surfaces"),
    elementwise: sum("elementwise"),
    moves: sum("moves"),
    spill: sum("spill"),
    tasks: sum("tasks"),
    total: sum("total"),
  };
}
