/**
 * Images read at places between their pixels.
 *
 * A place is (x, y) with pixel centres at whole numbers. What lies outside of the image is
 *
 *     constant      p p | a b c | p p        border        a a | a b c | c c
 *     reflection    c b | a b c | b a        symmetric     b a | a b c | c b
 */
import { flag, one, textOf } from "../infer.ts";
import { type LoadedOperands, type Meaning, tabulate } from "../tensors.ts";

/** The index that stands for index i of n, or undefined: the padding value. */
type Outside = (i: number, n: number) => number | undefined;

const wrapped = (i: number, period: number): number => ((i % period) + period) % period;

const OUTSIDE: Readonly<Record<string, Outside>> = {
  constant: (i, n) => (i >= 0 && i < n ? i : undefined),
  border: (i, n) => Math.min(n - 1, Math.max(0, i)),
  reflection: (i, n) => {
    const at = n === 1 ? 0 : wrapped(i, 2 * (n - 1));
    return Math.min(at, 2 * (n - 1) - at);
  },
  symmetric: (i, n) => {
    const at = wrapped(i, 2 * n);
    return Math.min(at, 2 * n - 1 - at);
  },
};

/** How numbers name places along an axis of n pixels, and back. */
interface Coordinates {
  readonly toPixel: (value: number, n: number) => number;
  readonly ofPixel: (pixel: number, n: number) => number;
}

/** `low` and `high` are the centres of the first and the last pixel, or their outer edges. */
function normalized(low: number, high: number, isAligned: boolean): Coordinates {
  const span = high - low;
  return isAligned
    ? {
        toPixel: (value, n) => ((value - low) / span) * (n - 1),
        ofPixel: (pixel, n) => (n === 1 ? low + span / 2 : low + (span * pixel) / (n - 1)),
      }
    : {
        toPixel: (value, n) => ((value - low) / span) * n - 0.5,
        ofPixel: (pixel, n) => low + (span * (pixel + 0.5)) / n,
      };
}

function coordinatesOf(o: LoadedOperands): Coordinates {
  const isAligned = flag(o, "align_corners");
  switch (textOf(o, "coordinates_mode", "")) {
    case "normalized_minus_one_to_one":
      return normalized(-1, 1, isAligned);
    case "normalized_zero_to_one":
      return normalized(0, 1, isAligned);
    default:
      return { toPixel: (value) => value, ofPixel: (pixel) => pixel };
  }
}

/** Whole numbers around a place with their weights. */
const around = (place: number, isNearest: boolean): readonly (readonly [number, number])[] => {
  if (isNearest) return [[Math.floor(place + 0.5), 1]];
  const low = Math.floor(place);
  return [
    [low, low + 1 - place],
    [low + 1, place - low],
  ];
};

/** Reads channel c of image b at pixel coordinates. */
function reader(o: LoadedOperands): (b: number, c: number, px: number, py: number) => number {
  const { data, shape } = one(o, "x");
  const [, channels, height, width] = shape as [number, number, number, number];
  const outside = OUTSIDE[textOf(o, "padding_mode", "constant")]!;
  const padding = one(o, "padding_value").data[0]!;
  const isNearest = textOf(o, "sampling_mode", "bilinear") === "nearest";
  return (b, c, px, py) => {
    const from = (b * channels + c) * height * width;
    let sum = 0;
    for (const [i, down] of around(py, isNearest)) {
      for (const [j, across] of around(px, isNearest)) {
        // A weight of 0 must not spread an infinity.
        if (down * across === 0) continue;
        const [row, column] = [outside(i, height), outside(j, width)];
        const isPadding = row === undefined || column === undefined;
        sum += down * across * (isPadding ? padding : data[from + row * width + column]!);
      }
    }
    return sum;
  };
}

/** y[b, c, i, j] = x[b, c] at coordinates[b, i, j] = (x, y). */
export const runResample: Meaning = (o, out) => {
  const [x, places] = [one(o, "x"), one(o, "coordinates")];
  const [height, width] = x.shape.slice(2) as [number, number];
  const [rows, columns] = out.shape.slice(2) as [number, number];
  const { toPixel } = coordinatesOf(o);
  const read = reader(o);
  return tabulate(out.shape, ([b, c, i, j]) => {
    const at = ((b! * rows + i!) * columns + j!) * 2;
    const [px, py] = [places.data[at]!, places.data[at + 1]!];
    return read(b!, c!, toPixel(px, width), toPixel(py, height));
  });
};

/** y[b, c, i, j] = x[b, c] at (a₀u + a₁v + a₂, b₀u + b₁v + b₂), (u, v) the coordinates of (j, i). */
export const runAffine: Meaning = (o, out) => {
  const [x, matrix] = [one(o, "x"), one(o, "transform_matrix")];
  const [height, width] = x.shape.slice(2) as [number, number];
  const [rows, columns] = out.shape.slice(2) as [number, number];
  const { toPixel, ofPixel } = coordinatesOf(o);
  const read = reader(o);
  return tabulate(out.shape, ([b, c, i, j]) => {
    const row = matrix.shape[0] === 1 ? 0 : b!;
    const [a0, a1, a2, b0, b1, b2] = matrix.data.subarray(6 * row, 6 * row + 6);
    const [u, v] = [ofPixel(j!, columns), ofPixel(i!, rows)];
    const px = toPixel(a0! * u + a1! * v + a2!, width);
    return read(b!, c!, px, toPixel(b0! * u + b1! * v + b2!, height));
  });
};
