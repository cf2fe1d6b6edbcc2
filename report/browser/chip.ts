/** The chip that is looked at: one for all parts of the page. */
import { el } from "./dom.ts";

const listeners: ((chip: string) => void)[] = [];
let current = "";

/** Calls `act` now, and whenever another chip is chosen. */
export function onChip(act: (chip: string) => void): void {
  listeners.push(act);
  if (current !== "") act(current);
}

export function chooseChip(chip: string): void {
  current = chip;
  for (const act of listeners) act(chip);
}

/** `m2_pro` as people write it: `M2 Pro`. */
export function chipText(chip: string): string {
  return chip.replace(/(^|_)\w/g, (c) => c.replace("_", " ").toUpperCase());
}

/** A choice among chips that follows the page's. */
export function chipSelect(chips: readonly string[]): HTMLElement {
  const options = chips.map((chip) => el("option", { value: chip }, chipText(chip)));
  const select = el("select", { "aria-label": "Chip" }, ...options);
  select.addEventListener("change", () => chooseChip(select.value));
  onChip((chip) => {
    select.value = chip;
  });
  return el("label", {}, "Chip ", select);
}
