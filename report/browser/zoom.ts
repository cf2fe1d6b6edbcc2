/**
 * A drawing that is moved and scaled: by wheel and drag, by two fingers, by + − 0 and Shift with arrows.
 *
 *     const view = zoomable(svgElement, { width: 800, height: 2000 }, "graph");
 *     view.content.append(…)        // in the drawing's own units
 *     view.reveal({ x, y, w, h })
 */
import { button, svg } from "./dom.ts";

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface ZoomView {
  readonly content: SVGGElement;
  /** Shows the whole drawing. */
  fit(): void;
  /** By a factor, about the middle. */
  zoomBy(factor: number): void;
  /** Moves as far as needed to show an area. */
  reveal(area: Area): void;
  /** Where a point of the drawing is in the window. */
  toWindow(x: number, y: number): { readonly x: number; readonly y: number };
}

const NEAREST = 4;
const FARTHEST = 0.02;
/** Below this scale only the titles of boxes are written. */
const FAR = 0.34;
/** The scales that `start` chooses from where the whole would be too small: to the width, but not below. */
const READABLE = 0.62;
const LEAST = 0.42;
const MARGIN = 16;

export function zoomable(
  element: SVGSVGElement,
  size: { readonly width: number; readonly height: number; readonly centre?: number },
): ZoomView {
  const content = svg("g");
  element.append(content);
  let scale = 1;
  let [left, top] = [0, 0];
  const show = (): void => {
    content.setAttribute(
      "transform",
      `translate(${left.toFixed(1)} ${top.toFixed(1)}) scale(${scale.toFixed(4)})`,
    );
    element.classList.toggle("far", scale < FAR);
    element.style.setProperty("--zoom", scale.toFixed(4));
  };
  const zoomAt = (x: number, y: number, factor: number): void => {
    const next = Math.min(NEAREST, Math.max(FARTHEST, scale * factor));
    left = x - ((x - left) * next) / scale;
    top = y - ((y - top) * next) / scale;
    scale = next;
    show();
  };
  const middle = (): [number, number] => [element.clientWidth / 2, element.clientHeight / 2];
  const roomOf = () => ({
    w: Math.max(1, element.clientWidth - 2 * MARGIN),
    h: Math.max(1, element.clientHeight - 2 * MARGIN),
  });
  /** At a scale, from the top, with `centre` in the middle where not all fits in the width. */
  const place = (next: number, centre: number): void => {
    scale = Math.max(next, FARTHEST);
    const [w, h] = [size.width * scale, size.height * scale];
    const isWide = w > element.clientWidth - MARGIN;
    left = element.clientWidth / 2 - (isWide ? centre * scale : w / 2);
    top = h > element.clientHeight - MARGIN ? MARGIN : (element.clientHeight - h) / 2;
    show();
  };
  const start = (): void => {
    const room = roomOf();
    const whole = Math.min(room.w / size.width, room.h / size.height, 1.2);
    place(
      Math.max(whole, LEAST, Math.min(READABLE, room.w / size.width)),
      size.centre ?? size.width / 2,
    );
  };
  const view: ZoomView = {
    content,
    fit() {
      const room = roomOf();
      place(Math.min(room.w / size.width, room.h / size.height, 1.2), size.width / 2);
    },
    zoomBy: (factor) => zoomAt(...middle(), factor),
    reveal({ x, y, w, h }) {
      const inside = (from: number, length: number, room: number): number => {
        if (from < MARGIN) return MARGIN - from;
        const over = from + length - (room - MARGIN);
        return over > 0 ? -Math.min(over, from - MARGIN) : 0;
      };
      left += inside(left + x * scale, w * scale, element.clientWidth);
      top += inside(top + y * scale, h * scale, element.clientHeight);
      show();
    },
    toWindow(x, y) {
      const box = element.getBoundingClientRect();
      return { x: box.left + left + x * scale, y: box.top + top + y * scale };
    },
  };

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 16 : 1;
      const factor = Math.exp(-event.deltaY * lines * 0.0016);
      zoomAt(event.clientX - box.left, event.clientY - box.top, factor);
    },
    { passive: false },
  );

  const fingers = new Map<number, { x: number; y: number }>();
  let moved = 0;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved = 0;
  });
  element.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (last === undefined) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved += Math.abs(dx) + Math.abs(dy);
    if (moved > 3 && !element.hasPointerCapture(event.pointerId))
      element.setPointerCapture(event.pointerId);
    if (other !== undefined) {
      const box = element.getBoundingClientRect();
      const before = Math.hypot(last.x - other.x, last.y - other.y);
      const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      zoomAt(other.x - box.left, other.y - box.top, after / Math.max(1, before));
      return;
    }
    left += dx;
    top += dy;
    show();
  });
  for (const name of ["pointerup", "pointercancel"] as const)
    element.addEventListener(name, (event) => fingers.delete(event.pointerId));
  // What ends a drag is no click.
  element.addEventListener(
    "click",
    (event) => {
      if (moved > 3) event.stopPropagation();
    },
    { capture: true },
  );

  const pan: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [60, 0],
    ArrowRight: [-60, 0],
    ArrowUp: [0, 60],
    ArrowDown: [0, -60],
  };
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = event.shiftKey ? pan[event.key] : undefined;
    if (way !== undefined) {
      left += way[0];
      top += way[1];
      show();
    } else if (event.key === "+" || event.key === "=") view.zoomBy(1.25);
    else if (event.key === "-" || event.key === "_") view.zoomBy(0.8);
    else if (event.key === "0") view.fit();
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => {
    if (element.clientWidth > 0 && content.getAttribute("transform") === null) start();
  }).observe(element);
  return view;
}

/** The buttons that do with the pointer what the keys do. */
export function zoomButtons(view: ZoomView): Element[] {
  return [
    button("−", "Zoom out", () => view.zoomBy(0.8)),
    button("+", "Zoom in", () => view.zoomBy(1.25)),
    button("Fit", "Show all", () => view.fit()),
  ];
}
