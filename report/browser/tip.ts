/** A small box beside the pointer, or beside what has the focus. There is one for the whole page. */
import { type Child, el } from "./dom.ts";

const GAP = 14;
let box: HTMLElement | undefined;

/** Shows `children` near a point of the window. */
export function showTip(x: number, y: number, ...children: readonly Child[]): void {
  if (box === undefined) {
    box = el("div", { class: "tip", role: "tooltip" });
    document.body.append(box);
  }
  box.replaceChildren(...children.map((c) => (typeof c === "number" ? String(c) : c)));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const right = x + GAP + width < window.innerWidth ? x + GAP : x - GAP - width;
  const below = y + GAP + height < window.innerHeight ? y + GAP : y - GAP - height;
  box.style.left = `${Math.max(4, right)}px`;
  box.style.top = `${Math.max(4, below)}px`;
}

export function hideTip(): void {
  if (box !== undefined) box.hidden = true;
}
