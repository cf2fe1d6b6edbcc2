/** Ops that move blocks of pixels between channels or batches and the image. */
import {
  int,
  ints,
  leaves,
  maybe,
  mistake,
  type Operand,
  one,
  type Rule,
  rankMistake,
} from "../infer.ts";
import { type Meaning, permute, stridesOf, tabulate } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

/** The block size and what must be divisible by it. */
function blocked(
  o: Parameters<Rule>[0],
  name: string,
  shapeOf: (x: readonly number[], b: number) => readonly number[] | undefined,
): ReturnType<Rule> {
  const x = one(o, "x");
  const wrong = rankMistake("x", x, 4, 4);
  if (wrong !== undefined) return wrong;
  const b = int(o, name, 1);
  const shape = b < 1 ? undefined : shapeOf(x.shape, b);
  return shape === undefined
    ? mistake(name, `does not divide \`x\`: ${b}`, { x })
    : { element: x.element, shape };
}

/** [N, C·b², H, W] → [N, C, H·b, W·b] */
const unfolded =
  (name: string): Rule =>
  (o) =>
    blocked(o, name, ([n, c, h, w], b) =>
      leaves(c!, b * b) ? undefined : [n!, c! / (b * b), h! * b, w! * b],
    );

/** [N, C, H·b, W·b] → [N, C·b², H, W] */
const folded =
  (name: string): Rule =>
  (o) =>
    blocked(o, name, ([n, c, h, w], b) =>
      leaves(h!, b) || leaves(w!, b) ? undefined : [n!, c! * b * b, h! / b, w! / b],
    );

/** Channels count blocks first: channel (by·b + bx)·C + c is pixel (by, bx) of channel c. */
const depthToSpace: Meaning = (o, out) => {
  const { data } = one(o, "x");
  const b = int(o, "block_size", 1);
  const [n, c, h, w] = out.shape as [number, number, number, number];
  return permute(data, [n, b, b, c, h / b, w / b], [0, 3, 4, 1, 5, 2]);
};

const spaceToDepth: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const b = int(o, "block_size", 1);
  const [n, c, h, w] = shape as [number, number, number, number];
  return permute(data, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4]);
};

/** Channels count blocks last: channel c·b² + by·b + bx is pixel (by, bx) of channel c. */
const pixelShuffle: Meaning = (o, out) => {
  const { data } = one(o, "x");
  const b = int(o, "upscale_factor", 1);
  const [n, c, h, w] = out.shape as [number, number, number, number];
  return permute(data, [n, c, b, b, h / b, w / b], [0, 1, 4, 2, 5, 3]);
};

const pixelUnshuffle: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const b = int(o, "downscale_factor", 1);
  const [n, c, h, w] = shape as [number, number, number, number];
  return permute(data, [n, c, h / b, b, w / b, b], [0, 1, 3, 5, 2, 4]);
};

/** [height, width] of a block and [[top, bottom], [left, right]] around the image, or undefined. */
function frame(o: Parameters<Rule>[0], border: string) {
  const block = ints(o, "block_shape", []);
  const edges = ints(o, border, []);
  const shape = maybe(o, border)?.shape;
  if (block.length !== 2 || block.some((n) => n < 1)) return undefined;
  if (edges.length !== 4 || shape?.[0] !== 2 || edges.some((n) => n < 0)) return undefined;
  return {
    block: [block[0]!, block[1]!] as const,
    sums: [edges[0]! + edges[1]!, edges[2]! + edges[3]!] as const,
    start: [edges[0]!, edges[2]!] as const,
  };
}

const batched =
  (
    border: string,
    shapeOf: (
      x: Operand,
      f: NonNullable<ReturnType<typeof frame>>,
    ) => readonly number[] | undefined,
  ): Rule =>
  (o) => {
    const x = one(o, "x");
    const wrong = rankMistake("x", x, 4, 4);
    if (wrong !== undefined) return wrong;
    const found = frame(o, border);
    if (found === undefined)
      return mistake(border, "must be [[top, bottom], [left, right]], with a block of two sizes", {
        x,
      });
    const shape = shapeOf(x, found);
    if (shape === undefined) return mistake("block_shape", "does not divide `x`", { x });
    return { element: x.element, shape };
  };

/** [N, C, H, W] → [N·bh·bw, C, (H + padding) / bh, (W + padding) / bw] */
const spaceToBatch = batched("paddings", ({ shape }, { block, sums }) => {
  const [n, c, h, w] = shape as [number, number, number, number];
  const [height, width] = [h + sums[0], w + sums[1]];
  if (leaves(height, block[0]) || leaves(width, block[1])) return undefined;
  return [n * block[0] * block[1], c, height / block[0], width / block[1]];
});

/** [N·bh·bw, C, H, W] → [N, C, H·bh − crops, W·bw − crops] */
const batchToSpace = batched("crops", ({ shape }, { block, sums }) => {
  const [n, c, h, w] = shape as [number, number, number, number];
  const [height, width] = [h * block[0] - sums[0], w * block[1] - sums[1]];
  if (leaves(n, block[0] * block[1]) || height < 0 || width < 0) return undefined;
  return [n / (block[0] * block[1]), c, height, width];
});

/** Batch (by·bw + bx)·N + n holds pixel (by, bx) of each block of image n. */
const runSpaceToBatch: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const { block, start } = frame(o, "paddings")!;
  const [n, , h, w] = shape as [number, number, number, number];
  const strides = stridesOf(shape);
  return tabulate(out.shape, ([b, c, y, x]) => {
    const k = Math.floor(b! / n);
    const row = y! * block[0] + Math.floor(k / block[1]) - start[0];
    const column = x! * block[1] + (k % block[1]) - start[1];
    const isInside = row >= 0 && row < h && column >= 0 && column < w;
    return isInside ? data[(b! % n) * strides[0]! + c! * strides[1]! + row * w + column]! : 0;
  });
};

const runBatchToSpace: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const { block, start } = frame(o, "crops")!;
  const w = shape[3]!;
  const strides = stridesOf(shape);
  return tabulate(out.shape, ([n, c, y, x]) => {
    const [row, column] = [y! + start[0], x! + start[1]];
    const k = (row % block[0]) * block[1] + (column % block[1]);
    const batch = k * out.shape[0]! + n!;
    const place = Math.floor(row / block[0]) * w + Math.floor(column / block[1]);
    return data[batch * strides[0]! + c! * strides[1]! + place]!;
  });
};

export const BLOCKS: readonly MilOp[] = [
  op(
    "depth_to_space",
    "x: floats, block_size: int",
    unfolded("block_size"),
    "channels to pixels, blocks first",
    {
      run: depthToSpace,
    },
  ),
  op(
    "space_to_depth",
    "x: floats, block_size: int",
    folded("block_size"),
    "pixels to channels, blocks first",
    {
      run: spaceToDepth,
    },
  ),
  op(
    "pixel_shuffle",
    "x: floats, upscale_factor: int",
    unfolded("upscale_factor"),
    "channels to pixels, blocks last",
    {
      run: pixelShuffle,
    },
  ),
  op(
    "pixel_unshuffle",
    "x: floats, downscale_factor: int",
    folded("downscale_factor"),
    "pixels to channels, blocks last",
    { run: pixelUnshuffle },
  ),
  op(
    "space_to_batch",
    "x: floats, block_shape: ints, paddings: pairs",
    spaceToBatch,
    "pixels of blocks to batches",
    { run: runSpaceToBatch },
  ),
  op(
    "batch_to_space",
    "x: floats, block_shape: ints, crops: pairs",
    batchToSpace,
    "batches to pixels of blocks",
    { run: runBatchToSpace },
  ),
];
