/** Values of a meaning to the elements of ports, and back. */
import { countOf, type Tensor } from "../compiler/ops/tensor.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { type Part, type Port, sizeIn } from "./source.ts";

type Dims = ReadonlyMap<string, number>;

export interface PortShape {
  readonly rows: number;
  readonly columns: number;
}

export function shapeOfPort(port: Port, dims: Dims): PortShape {
  return { rows: sizeIn(dims, port.rows), columns: sizeIn(dims, port.columns) };
}

/** The element of a matrix, or of a vector that stands upright. */
function place(shape: readonly number[], isTransposed: boolean, row: number, column: number) {
  if (shape.length < 2) return row;
  const width = shape.at(-1)!;
  return isTransposed ? column * width + row : row * width + column;
}

/** Rows and columns that a value takes on a port. */
function extent(shape: readonly number[], isTransposed: boolean): readonly [number, number] {
  if (shape.length < 2) return [countOf(shape), 1];
  const [rows, columns] = [countOf(shape.slice(0, -1)), shape.at(-1)!];
  return isTransposed ? [columns, rows] : [rows, columns];
}

/** The elements of a port, row after row. */
export function packPort(
  port: Port,
  dims: Dims,
  values: ReadonlyMap<string, Tensor>,
): Float64Array {
  const { rows, columns } = shapeOfPort(port, dims);
  const out = new Float64Array(rows * columns);
  let from = 0;
  for (const part of port.parts) {
    if (part.kind === "zeros") {
      from += sizeIn(dims, part.columns);
      continue;
    }
    const value = values.get(part.name) ?? bug(`no value for \`${part.name}\``);
    const [height, width] = extent(value.shape, part.isTransposed);
    invariant(
      height === rows,
      `\`${part.name}\` has ${height} rows on \`${port.name}\`, not ${rows}`,
    );
    const factor = 2 ** sizeIn(dims, part.power);
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const at = place(value.shape, part.isTransposed, i, j);
        out[i * columns + from + j] = value.data[at]! * factor;
      }
    }
    from += width;
  }
  invariant(
    from === columns,
    `\`${port.name}\` has ${columns} columns, of which ${from} are filled`,
  );
  return out;
}

/** The value on an output that holds nothing else; `shape` is the value's. */
export function unpackPort(port: Port, shape: readonly number[], data: Float64Array): Tensor {
  const part: Part | undefined = port.parts[0];
  invariant(
    part?.kind === "value" && port.parts.length === 1,
    `\`${port.name}\` must hold one value`,
  );
  const [rows, columns] = extent(shape, part.isTransposed);
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++)
      out[place(shape, part.isTransposed, i, j)] = data[i * columns + j]!;
  }
  return { shape, data: out };
}
