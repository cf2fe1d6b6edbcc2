/** What of a run is drawn in which chart. */
import type { RunView, TrainPoints } from "../run/view.ts";
import type { ChartOptions } from "./chart.ts";
import type { ChartLine } from "./chart_input.ts";
import type { LineValues } from "./chart_smooth.ts";

/** What the horizontal axis counts. */
export type Axis = "step" | "tokens" | "seconds";

/** A run on the page. */
export interface ShownRun {
  readonly view: RunView;
  readonly color: string;
}

export interface Parts {
  readonly train: boolean;
  readonly validation: boolean;
}

export interface RunChart extends ChartOptions {
  /** The lines of a run; those that have no value are not drawn. */
  readonly lines: (run: RunView, parts: Parts) => readonly RunLine[];
}

interface RunLine {
  /** After the name of the run. */
  readonly of?: string;
  readonly points: Readonly<Record<"step" | "seconds", readonly number[]>>;
  readonly values: LineValues;
  readonly isExact?: boolean;
  readonly isSparse?: boolean;
}

const times = (values: LineValues, factor: number): LineValues =>
  values.map((v) => (v === null ? null : v * factor));

function losses({ train, validation }: RunView, parts: Parts, factor: number): RunLine[] {
  return [
    ...(parts.train ? [{ of: "training", points: train, values: times(train.loss, factor) }] : []),
    ...(parts.validation
      ? [
          {
            ...{ of: "validation", points: validation, isExact: true, isSparse: true },
            values: times(validation.loss, factor),
          },
        ]
      : []),
  ];
}

const ofTraining =
  (name: Exclude<keyof TrainPoints, "step" | "seconds">, isExact = false) =>
  ({ train }: RunView): RunLine[] => [{ points: train, values: train[name], isExact }];

export const runCharts: readonly RunChart[] = [
  {
    ...{ title: "Loss", unit: "nats per token" },
    lines: (run, parts) => losses(run, parts, 1),
  },
  {
    ...{ title: "Bits per byte", unit: "of text" },
    lines: (run, parts) => (run.bitsPerNat === null ? [] : losses(run, parts, run.bitsPerNat)),
  },
  { title: "Learning rate", unit: "", fromZero: true, lines: ofTraining("lr", true) },
  { title: "Gradient norm", unit: "before clipping", lines: ofTraining("gradNorm") },
  {
    ...{ title: "Speed", unit: "tokens a second", fromZero: true },
    lines: ofTraining("tokensPerSecond"),
  },
  {
    ...{ title: "Time of a micro-step", unit: "ms", fromZero: true },
    lines: ofTraining("msStep"),
  },
  { title: "Loss scale", unit: "on the engine", isLog: true, lines: ofTraining("lossScale", true) },
];

/** The lines of all runs in a chart. */
export function linesOf(
  chart: RunChart,
  runs: readonly ShownRun[],
  parts: Parts,
  axis: Axis,
): ChartLine[] {
  return runs.flatMap(({ view, color }) =>
    chart
      .lines(view, parts)
      .flatMap(({ of, points, values, isExact = false, isSparse = false }) => {
        if (values.every((v) => v === null)) return [];
        const label = of === undefined ? view.name : `${view.name} · ${of}`;
        const x = placesOf(points, axis, view.tokensPerStep);
        return [{ label, color, x, y: values, isExact, isSparse }];
      }),
  );
}

function placesOf(
  points: Readonly<Record<"step" | "seconds", readonly number[]>>,
  axis: Axis,
  tokensPerStep: number,
): readonly number[] {
  if (axis === "tokens") return points.step.map((step) => step * tokensPerStep);
  return points[axis];
}

/** Who was at work in a micro-step: name, column, colour. */
export const SHARES = [
  { name: "engine", column: "msEngine", color: "var(--c4)" },
  { name: "staging", column: "msStaging", color: "var(--c6)" },
  { name: "host kernels", column: "msHost", color: "var(--c3)" },
  { name: "optimizer", column: "msOptimizer", color: "var(--c7)" },
] as const;

/** The mean milliseconds of a micro-step by who was at work, over the last tenth of a run; those that are known. */
export function sharesOf({ train }: RunView) {
  const from = Math.floor(train.step.length * 0.9);
  return SHARES.flatMap(({ name, column, color }) => {
    const known = train[column].slice(from).filter((v) => v !== null);
    if (known.length === 0) return [];
    return [{ name, color, ms: known.reduce((a, b) => a + b, 0) / known.length }];
  });
}
