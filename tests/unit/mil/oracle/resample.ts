/** Formulas of ops that read images between their pixels. */
import type { OracleCase, Reader } from "../../../support/mil_oracle.ts";

const [HEIGHT, WIDTH] = [3, 4];

/** What stands at index i of n in an image that goes on for ever, or undefined: the padding. */
type Endless = (i: number, n: number) => number | undefined;

/** A row written out far enough, by walking away from the image one step at a time. */
function walked(i: number, n: number, turn: number): number {
  let [at, step] = [0, 1];
  for (let k = 0; k < Math.abs(i < 0 ? i + turn : i); k++) {
    const next = at + step;
    if (next >= 0 && next < n) at = next;
    else {
      step = -step;
      // An edge that is repeated takes a step of its own.
      if (turn === 0) at += step;
    }
  }
  return at;
}

const MODES: Readonly<Record<string, Endless>> = {
  constant: (i, n) => (i < 0 || i >= n ? undefined : i),
  border: (i, n) => [...Array(n).keys()].sort((a, b) => Math.abs(a - i) - Math.abs(b - i))[0],
  reflection: (i, n) => walked(i, n, 0),
  symmetric: (i, n) => walked(i, n, 1),
};

const PIXELS: Readonly<Record<string, (v: number, n: number) => number>> = {
  unnormalized: (v) => v,
  "normalized_minus_one_to_one true": (v, n) => (v * (n - 1) + n - 1) / 2,
  "normalized_minus_one_to_one false": (v, n) => (v * n + n - 1) / 2,
  "normalized_zero_to_one true": (v, n) => v * (n - 1),
  "normalized_zero_to_one false": (v, n) => v * n - 0.5,
};

/** Every pixel of a large window, weighted by its tent of width 1 around the place. */
function tent(pixel: (i: number, j: number) => number, py: number, px: number): number {
  let sum = 0;
  for (let i = -12; i <= 12; i++) {
    for (let j = -12; j <= 12; j++) {
      const [down, across] = [1 - Math.abs(py - i), 1 - Math.abs(px - j)];
      if (down > 0 && across > 0) sum += down * across * pixel(i, j);
    }
  }
  return sum;
}

const nearest = (pixel: (i: number, j: number) => number, py: number, px: number): number =>
  pixel(Math.round(py), Math.round(px));

function pixelOf(x: Reader, mode: string, b: number, c: number) {
  return (i: number, j: number): number => {
    const [row, column] = [MODES[mode]!(i, HEIGHT), MODES[mode]!(j, WIDTH)];
    return row === undefined || column === undefined ? 0.25 : x(b, c, row, column);
  };
}

const options = (sampling: string, padding: string, coordinates: string): string => {
  const [mode, aligned = "false"] = coordinates.split(" ");
  return (
    `sampling_mode = string("${sampling}"), padding_mode = string("${padding}"), padding_value = F(0.25), ` +
    `coordinates_mode = string("${mode}"), align_corners = ${aligned}`
  );
};

const resample = (sampling: string, padding: string, coordinates: string): OracleCase => ({
  op: "resample",
  about: `${sampling}, ${padding}, ${coordinates}`,
  in: {
    x: `F 2,3,${HEIGHT},${WIDTH}`,
    p: coordinates === "unnormalized" ? "F 2,5,3,2 -3..6" : "F 2,5,3,2 -1.5..1.5",
  },
  y: `resample(x = x, coordinates = p, ${options(sampling, padding, coordinates)})`,
  out: "F 2,3,5,3",
  at: ({ x, p }, b, c, i, j) => {
    const toPixel = PIXELS[coordinates]!;
    const [px, py] = [toPixel(p!(b!, i!, j!, 0), WIDTH), toPixel(p!(b!, i!, j!, 1), HEIGHT)];
    const read = sampling === "nearest" ? nearest : tent;
    return read(pixelOf(x!, padding, b!, c!), py, px);
  },
});

const affine = (batches: number): OracleCase => ({
  op: "affine",
  about: `${batches} matrices`,
  in: { x: `F 2,3,${HEIGHT},${WIDTH}`, m: `F ${batches},6 -1..1` },
  y: `affine(x = x, transform_matrix = m, output_height = 5, output_width = 3, ${options("bilinear", "constant", "normalized_minus_one_to_one true")})`,
  out: "F 2,3,5,3",
  at: ({ x, m }, b, c, i, j) => {
    const row = batches === 1 ? 0 : b!;
    const [u, v] = [j! - 1, i! / 2 - 1];
    const at = (k: number): number => m!(row, k) * u + m!(row, k + 1) * v + m!(row, k + 2);
    const toPixel = PIXELS["normalized_minus_one_to_one true"]!;
    return tent(pixelOf(x!, "constant", b!, c!), toPixel(at(3), HEIGHT), toPixel(at(0), WIDTH));
  },
});

export const RESAMPLE: readonly OracleCase[] = [
  ...Object.keys(MODES).map((padding) => resample("bilinear", padding, "unnormalized")),
  ...Object.keys(PIXELS).map((coordinates) => resample("bilinear", "border", coordinates)),
  resample("nearest", "constant", "unnormalized"),
  resample("nearest", "reflection", "normalized_zero_to_one true"),
  affine(1),
  affine(2),
];
