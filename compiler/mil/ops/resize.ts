/** Ops that sample an image at other places. */
import {
  differ,
  int,
  ints,
  type Mistake,
  maybe,
  mistake,
  type Operands,
  one,
  type Rule,
  rankMistake,
  textOf,
} from "../infer.ts";
import { type LoadedOperands, type Meaning, stridesOf, tabulate } from "../tensors.ts";
import { type MilOp, op, perElement } from "./define.ts";
import { runAffine, runResample } from "./resample.ts";

const SAMPLING = "STRICT_ALIGN_CORNERS|ALIGN_CORNERS|UNALIGN_CORNERS|DEFAULT|OFFSET_CORNERS";

/** Place i of `to` on an axis of `from` elements. */
type Grid = (i: number, from: number, to: number) => number;

const GRIDS: Readonly<Record<string, Grid>> = {
  STRICT_ALIGN_CORNERS: (i, from, to) => (to === 1 ? 0 : (i * (from - 1)) / (to - 1)),
  ALIGN_CORNERS: (i, from, to) => (to === 1 ? (from - 1) / 2 : (i * (from - 1)) / (to - 1)),
  UNALIGN_CORNERS: (i, from, to) => ((i + 0.5) * from) / to - 0.5,
  // (from − from/to) / (to − 1) between neighbours is from/to.
  DEFAULT: (i, from, to) => (i * from) / to,
  OFFSET_CORNERS: (i, from, to) => ((i + 0.5) * Math.max(1, from - 1)) / to,
};

const within = (place: number, n: number): number => Math.min(n - 1, Math.max(0, place));

/** The last two dimensions of x get other sizes. */
function image(
  o: Operands,
  sizes: (h: number, w: number) => readonly [number, number],
): ReturnType<Rule> {
  const x = one(o, "x");
  const wrong: Mistake | undefined = rankMistake("x", x, 3, 99);
  if (wrong !== undefined) return wrong;
  const [height, width] = sizes(x.shape.at(-2)!, x.shape.at(-1)!);
  if (height < 1 || width < 1) return mistake("x", "must keep at least one pixel", { x });
  return { element: x.element, shape: [...x.shape.slice(0, -2), height, width] };
}

const toTarget: Rule = (o) =>
  image(o, () => [int(o, "target_size_height", 1), int(o, "target_size_width", 1)]);

const factor = (o: Operands, name: string): number => maybe(o, name)?.numbers?.[0] ?? 1;

const byFactor: Rule = (o) =>
  image(o, (h, w) => [
    Math.floor(h * factor(o, "scale_factor_height")),
    Math.floor(w * factor(o, "scale_factor_width")),
  ]);

/** Each result is Σ weight · element over the places that `taps` gives along an axis. */
type Taps = (
  i: number,
  from: number,
  to: number,
) => readonly (readonly [place: number, weight: number])[];

const linearTaps =
  (grid: Grid): Taps =>
  (i, from, to) => {
    const place = within(grid(i, from, to), from);
    const low = Math.floor(place);
    return [
      [low, 1 - (place - low)],
      [within(low + 1, from), place - low],
    ];
  };

const nearestTaps =
  (place: Grid): Taps =>
  (i, from, to) => [[within(place(i, from, to), from), 1]];

/** Result i covers element ⌊i · from / to⌋. */
const nearest = nearestTaps((i, from, to) => Math.floor((i * from) / to));

function sampled(
  o: LoadedOperands,
  out: readonly number[],
  dims: number,
  taps: Taps,
): Float64Array {
  const { data, shape } = one(o, "x");
  const strides = stridesOf(shape);
  const lead = shape.length - dims;
  const tables = out.map((n, d) =>
    d < lead ? [] : Array.from({ length: n }, (_, i) => taps(i, shape[d]!, n)),
  );
  const visit = (index: readonly number[], d: number, from: number): number => {
    if (d === shape.length) return data[from]!;
    if (d < lead) return visit(index, d + 1, from + index[d]! * strides[d]!);
    return tables[d]![index[d]!]!.reduce((sum, [place, weight]) => {
      // A weight of 0 must not spread an infinity.
      return weight === 0 ? sum : sum + weight * visit(index, d + 1, from + place * strides[d]!);
    }, 0);
  };
  return tabulate(out, (index) => visit(index, 0, 0));
}

const runNearest: Meaning = (o, out) => sampled(o, out.shape, 2, nearest);

const runBilinear: Meaning = (o, out) =>
  sampled(o, out.shape, 2, linearTaps(GRIDS[textOf(o, "sampling_mode", "DEFAULT")]!));

/** Corners are aligned unless told otherwise; pixels have their centres at halves. */
const runUpsample: Meaning = (o, out) => {
  const isAligned = int(o, "align_corners", 1) !== 0;
  const hasCentres = int(o, "half_pixel_centers", isAligned ? 0 : 1) !== 0;
  const grid = isAligned
    ? GRIDS["STRICT_ALIGN_CORNERS"]!
    : GRIDS[hasCentres ? "UNALIGN_CORNERS" : "DEFAULT"]!;
  return sampled(o, out.shape, 2, linearTaps(grid));
};

/** The last `resized_dims` sizes of `shape` replace those of x; 0 keeps one. */
const resize: Rule = (o) => {
  const x = one(o, "x");
  const count = int(o, "resized_dims", 0);
  const sizes = ints(o, "shape", []);
  if (count < 0 || count > sizes.length || sizes.length > x.shape.length)
    return mistake("resized_dims", "must not be more than `shape` and `x` have", { x });
  const lead = x.shape.length - count;
  const shape = x.shape.map((n, i) => {
    const size = i < lead ? 0 : sizes[sizes.length - count + i - lead]!;
    return size === 0 ? n : size;
  });
  return shape.some((n) => n < 1)
    ? mistake("shape", "must keep at least one element", { x })
    : { element: x.element, shape };
};

const runResize: Meaning = (o, out) => {
  const grid = GRIDS[textOf(o, "sampling_mode", "DEFAULT")]!;
  const isNearest = textOf(o, "interpolation_mode", "LINEAR") === "NEAREST_NEIGHBOR";
  const rounded: Grid = (i, from, to) => Math.floor(within(grid(i, from, to), from) + 0.5);
  const taps = isNearest
    ? textOf(o, "sampling_mode", "DEFAULT") === "DEFAULT"
      ? nearest
      : nearestTaps(rounded)
    : linearTaps(grid);
  return sampled(o, out.shape, int(o, "resized_dims", 0), taps);
};

/** Boxes of images at one size; older programs give boxes and image numbers in one operand. */
const cropResize: Rule = (o) => {
  const x = one(o, "x");
  const wrong = rankMistake("x", x, 4, 4);
  if (wrong !== undefined) return wrong;
  const [height, width] = [int(o, "target_height", 1), int(o, "target_width", 1)];
  const roi = maybe(o, "roi");
  if (roi !== undefined) {
    if (roi.shape.length !== 5) return mistake("roi", "needs 5 dimensions", { roi });
    return { element: x.element, shape: [roi.shape[0]!, x.shape[0]!, x.shape[1]!, height, width] };
  }
  const boxes = maybe(o, "boxes");
  if (boxes === undefined) return mistake("boxes", "must be given", { x });
  if (boxes.shape.length !== 2) return mistake("boxes", "must be [boxes, 4]", { boxes });
  return { element: x.element, shape: [boxes.shape[0]!, x.shape[1]!, height, width] };
};

/** [B, C, H, W] at coordinates [B, H', W', 2] gives [B, C, H', W']. */
const resample: Rule = (o) => {
  const [x, places] = [one(o, "x"), one(o, "coordinates")];
  const wrong = rankMistake("x", x, 4, 4) ?? rankMistake("coordinates", places, 4, 4);
  if (wrong !== undefined) return wrong;
  if (differ(x.shape[0], places.shape[0]))
    return mistake("coordinates", "must have the batches of `x`", { coordinates: places, x });
  if (differ(places.shape[3], 2))
    return mistake("coordinates", "must be pairs", { coordinates: places });
  const shape = [x.shape[0]!, x.shape[1]!, places.shape[1]!, places.shape[2]!];
  return { element: x.element, shape };
};

/** One matrix of six numbers, or one for each image. */
const affine: Rule = (o) => {
  const [x, matrix] = [one(o, "x"), one(o, "transform_matrix")];
  const wrong = rankMistake("x", x, 4, 4) ?? rankMistake("transform_matrix", matrix, 2, 2);
  if (wrong !== undefined) return wrong;
  const isShared = matrix.shape[0] === 1;
  if (differ(matrix.shape[1], 6) || (!isShared && differ(matrix.shape[0], x.shape[0])))
    return mistake("transform_matrix", "must be [1, 6] or [batches of `x`, 6]", {
      transform_matrix: matrix,
      x,
    });
  return image(o, () => [int(o, "output_height", 1), int(o, "output_width", 1)]);
};

const PADDING =
  "padding_mode: text(constant|border|reflection|symmetric), padding_value: number, " +
  "coordinates_mode: text(unnormalized|normalized_minus_one_to_one|normalized_zero_to_one), align_corners: flag";

const flops = perElement(8);

export const RESIZES: readonly MilOp[] = [
  op(
    "resize_nearest_neighbor",
    "x: floats, target_size_height: int, target_size_width: int",
    toTarget,
    "the image at another size, nearest pixels",
    { run: runNearest },
  ),
  op(
    "upsample_nearest_neighbor",
    "x: floats, scale_factor_height: factor?, scale_factor_width: factor?",
    byFactor,
    "the image enlarged, nearest pixels",
    { run: runNearest },
  ),
  op(
    "resize_bilinear",
    `x: floats, target_size_height: int?, target_size_width: int?, sampling_mode: text(${SAMPLING})?`,
    toTarget,
    "the image at another size, between pixels",
    { run: runBilinear, flops },
  ),
  op(
    "upsample_bilinear",
    "x: floats, scale_factor_height: factor?, scale_factor_width: factor?, align_corners: flag?, half_pixel_centers: flag?",
    byFactor,
    "the image enlarged, between pixels",
    { run: runUpsample, flops },
  ),
  op(
    "resize",
    `x: numbers, shape: ints, resized_dims: int, interpolation_mode: text(LINEAR|NEAREST_NEIGHBOR)?, sampling_mode: text(${SAMPLING})?`,
    resize,
    "the last dimensions at other sizes",
    { run: runResize, flops },
  ),
  op(
    "crop_resize",
    "x: floats, roi: floats?, boxes: numbers?, box_indices: wholes?, target_height: int?, target_width: int?, " +
      "normalized_coordinates: flag?, spatial_scale: scalar?, " +
      "box_coordinate_mode: text(CORNERS_HEIGHT_FIRST|CORNERS_WIDTH_FIRST|CENTER_SIZE_HEIGHT_FIRST|CENTER_SIZE_WIDTH_FIRST)?, " +
      `sampling_mode: text(${SAMPLING})?, pad_value: scalar?`,
    cropResize,
    "boxes of images at one size",
    { flops },
  ),
  op(
    "resample",
    `x: floats, coordinates: numbers, sampling_mode: text(bilinear|nearest), ${PADDING}`,
    resample,
    "the image at given coordinates",
    { run: runResample, flops },
  ),
  op(
    "affine",
    `x: floats, transform_matrix: floats, output_height: int, output_width: int, sampling_mode: text(bilinear|nearest), ${PADDING}`,
    affine,
    "the image under an affine map",
    { run: runAffine, flops },
  ),
];
