/**
 * The table of MIL ops: their arguments, how the types of their results follow, what they compute.
 *
 * The builder, the checker and the interpreter all read it. An op that is not in it may still occur
 * in a program of another tool: it is parsed, printed, and left alone by the checker. What a chip
 * refuses of it is said by the hardware facts, not here.
 */
import { ACTIVATIONS } from "./ops/activations.ts";
import { BLOCKS } from "./ops/blocks.ts";
import { CONVOLUTIONS } from "./ops/conv.ts";
import type { MilOp } from "./ops/define.ts";
import { ELEMENTWISE } from "./ops/elementwise.ts";
import { GATHERS } from "./ops/gather.ts";
import { JOINS } from "./ops/joins.ts";
import { NORMS } from "./ops/norm.ts";
import { POOLS } from "./ops/pool.ts";
import { PRODUCTS } from "./ops/products.ts";
import { QUANTIZED } from "./ops/quantize.ts";
import { RECURRENT } from "./ops/recurrent.ts";
import { REDUCTIONS } from "./ops/reduce.ts";
import { RESIZES } from "./ops/resize.ts";
import { SHAPES } from "./ops/shape.ts";
import { SLICES } from "./ops/slices.ts";
import { SOURCES } from "./ops/sources.ts";

export {
  type ArgumentKind,
  type ArgumentSpec,
  accepts,
  isParameter,
  kindWords,
  type MilOp,
  rankOf,
  takes,
} from "./ops/define.ts";

/** In the order of the documentation. */
export const MIL_OPS: readonly MilOp[] = [
  ...ELEMENTWISE,
  ...ACTIVATIONS,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...CONVOLUTIONS,
  ...POOLS,
  ...NORMS,
  ...SHAPES,
  ...SLICES,
  ...JOINS,
  ...BLOCKS,
  ...GATHERS,
  ...RESIZES,
  ...QUANTIZED,
  ...SOURCES,
  ...RECURRENT,
];

const byName: ReadonlyMap<string, MilOp> = new Map(MIL_OPS.map((o) => [o.name, o]));

/** The op called `name`, if the table has it. */
export function milOp(name: string): MilOp | undefined {
  return byName.get(name);
}

/** Whether the interpreter can run an op. */
export function canInterpret(name: string): boolean {
  return name === "const" || milOp(name)?.run !== undefined;
}
