/** What a chart is given, what it tells the page, and how pointer and keys lead from one to the other. */
import type { LineValues } from "./chart_smooth.ts";

export interface ChartLine {
  /** Of the run, or of the run and what of it: what the cursor shows. */
  readonly label: string;
  readonly color: string;
  readonly x: readonly number[];
  readonly y: LineValues;
  /** Never smoothed: there is no chance in it. */
  readonly isExact: boolean;
  /** Drawn dashed, with its points. */
  readonly isSparse: boolean;
}

/** What all charts of a page have in common. */
export interface Frame {
  readonly low: number;
  readonly high: number;
  readonly xText: (x: number) => string;
  readonly xLabel: string;
  /** From 0 to below 1. */
  readonly smoothing: number;
}

/** What a chart tells the page. */
export interface ChartHost {
  /** The cursor is at `x`, or nowhere. */
  point(x: number | null, by: Chart): void;
  /** Only this is to be seen; null for everything. */
  zoom(range: readonly [number, number] | null): void;
}

export interface Chart {
  readonly element: HTMLElement;
  draw(lines: readonly ChartLine[], frame: Frame): void;
  /** Shows the cursor; with the values beside it if `isHere`. */
  point(x: number | null, isHere: boolean): void;
}

export const isWithin = (x: number, { low, high }: Frame): boolean => x >= low && x <= high;

/** Of a pointer that drags rather than points, pixels. */
const DRAG = 6;

interface Watched {
  readonly plot: SVGSVGElement;
  readonly chart: Chart;
  readonly host: ChartHost;
}

/** Pointing moves the cursor, dragging sideways chooses what is seen, a double click shows everything again. */
export function watchPointer({
  plot,
  chart,
  host,
  selection,
  top,
  valueAt,
}: Watched & {
  /** What is drawn while the pointer drags, and where it begins. */
  readonly selection: SVGRectElement;
  readonly top: number;
  /** The value at a place of the plot, in pixels; null while nothing is drawn. */
  readonly valueAt: (at: number) => number | null;
}): void {
  let from: number | undefined;
  const place = (event: PointerEvent): number => event.clientX - plot.getBoundingClientRect().left;
  const select = (at: number): void => {
    const [a, b] = [Math.min(at, from ?? at), Math.max(at, from ?? at)];
    const isDrag = from !== undefined && b - a >= DRAG;
    selection.setAttribute("x", String(a));
    selection.setAttribute("y", String(top));
    selection.setAttribute("width", String(isDrag ? b - a : 0));
  };
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = place(event);
    plot.setPointerCapture(event.pointerId);
  });
  plot.addEventListener("pointermove", (event) => {
    select(place(event));
    host.point(valueAt(place(event)), chart);
  });
  plot.addEventListener("pointerup", (event) => {
    const [a, b] = [from, place(event)];
    from = undefined;
    select(b);
    if (a === undefined || Math.abs(a - b) < DRAG) return;
    const [low, high] = [valueAt(Math.min(a, b)), valueAt(Math.max(a, b))];
    if (low !== null && high !== null && low < high) host.zoom([low, high]);
  });
  plot.addEventListener("pointerleave", () => host.point(null, chart));
  plot.addEventListener("dblclick", () => host.zoom(null));
}

/** The arrow keys move the cursor of the chart that has the focus, Escape takes it and the selection away. */
export function watchKeys({
  plot,
  state,
  chart,
  host,
}: Watched & {
  readonly state: { readonly lines: readonly ChartLine[]; readonly frame: Frame | undefined };
}): void {
  let at = -1;
  const move = (key: string, isFar: boolean): boolean => {
    const { frame, lines } = state;
    if (frame === undefined) return false;
    const all = [...new Set(lines.flatMap((line) => line.x.filter((x) => isWithin(x, frame))))];
    const places = all.sort((a, b) => a - b);
    const step = isFar ? 10 : 1;
    if (key === "ArrowRight") at += step;
    else if (key === "ArrowLeft") at -= step;
    else if (key === "Home") at = 0;
    else if (key === "End") at = places.length - 1;
    else return false;
    at = Math.max(0, Math.min(places.length - 1, at));
    host.point(places[at] ?? null, chart);
    return true;
  };
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      host.point(null, chart);
      host.zoom(null);
    } else if (!move(event.key, event.shiftKey)) return;
    event.preventDefault();
  });
  plot.addEventListener("blur", () => host.point(null, chart));
}
