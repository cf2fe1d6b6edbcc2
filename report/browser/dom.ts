/**
 * Elements of the page. Whatever text is given becomes text, never markup: there is no way here to
 * turn a string into elements.
 *
 *     el("p", { class: "lead" }, "a name: ", el("code", {}, name))
 */

export type Child = Node | string | number;
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** An HTML element; an attribute that is `true` is set, one that is `false` is left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** Prose in which words between backquotes are code. */
export function prose(text: string): readonly Child[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? el("code", {}, part) : part));
}

/** A button with a few letters on it; `name` says what it does. */
export function button(label: string, name: string, act: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", "aria-label": name, title: name }, label);
  made.addEventListener("click", act);
  return made;
}

function filled<T extends Element>(
  element: T,
  attributes: Attributes,
  children: readonly Child[],
): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.map((c) => (typeof c === "number" ? String(c) : c)));
  return element;
}

/** What `renderPage` was given in `data` under this name. */
export function dataOf<T>(name: string): T {
  return JSON.parse(byId(`data-${name}`).textContent ?? "null") as T;
}

/** The element of this id, which the page has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Puts `children` in place of what `parent` holds. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(...children.map((c) => (typeof c === "number" ? String(c) : c)));
}
