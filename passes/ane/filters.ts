/**
 * Products with weights that are constants of the program, as 1×1 convolutions.
 *
 * x·w of an activation [S, I], stored as channels [1, I, 1, S], is a convolution with filters
 * [O, I, 1, 1]. The engine reads them once, in its own order, where a matrix operand would be an activation
 * to it.
 */
import { leafName } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { MilVar } from "../../compiler/mil/build.ts";
import type { MilBuilder } from "../../compiler/mil/build_ops.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";

/** Writes a constant of a program into its weight file. */
export type Table = (shape: readonly number[], data: Float64Array, name: string) => MilVar;

/** The filters of a product with a baked weight; undefined for any other product. */
export type Filters = (product: Node) => MilVar | undefined;

export function filtersOf(baked: ReadonlyMap<string, Tensor>, table: Table): Filters {
  const made = new Map<string, MilVar>();
  return (product) => {
    const [x, w] = [product.inputs[0]!, product.inputs[1]!];
    const name = w.op.name === "input" ? leafName(w) : undefined;
    const value = name === undefined ? undefined : baked.get(name);
    const isMatrix = x.type.shape.length === 2 && w.type.shape.length === 2;
    if (name === undefined || value === undefined || !isMatrix) return undefined;
    if (product.attrs["transpose_x"] === true || isBaked(x, baked)) return undefined;
    const isTurned = product.attrs["transpose_y"] === true;
    const key = `${name} ${isTurned}`;
    const [rows, columns] = value.shape as [number, number];
    const filter =
      made.get(key) ??
      (isTurned
        ? table([rows, columns, 1, 1], value.data, name)
        : table([columns, rows, 1, 1], turned(value), name));
    made.set(key, filter);
    return filter;
  };
}

function isBaked(node: Node, baked: ReadonlyMap<string, Tensor>): boolean {
  return node.op.name === "input" && baked.has(leafName(node));
}

function turned({ shape, data }: Tensor): Float64Array {
  const [rows, columns] = shape as [number, number];
  const result = new Float64Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c]!;
  return result;
}

/** x, stored as [I, S], with filters [O, I, 1, 1]: stored as [O, S]. */
export function convolution(b: MilBuilder, x: MilVar, filter: MilVar): MilVar {
  const [inputs, columns] = x.shape as [number, number];
  const y = b.op("conv", {
    x: b.reshape(x, [1, inputs, 1, columns]),
    weight: filter,
    strides: [1, 1],
    pad_type: "valid",
    pad: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: 1,
  });
  return b.reshape(y, [filter.shape[0]!, columns]);
}
