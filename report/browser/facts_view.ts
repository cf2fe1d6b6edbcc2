/** The checker's verdict: which facts programs go against on the chosen chip, and on every other. */

import { grouped } from "../../compiler/support/numbers.ts";
import type { FactsData, FactVerdict } from "../model/data.ts";
import { chipSelect, chipText, onChip } from "./chip.ts";
import { el, fill, prose } from "./dom.ts";

const WORDS: Readonly<Record<string, string>> = {
  reject: "does not compile",
  silent_wrong: "wrong numbers",
  format: "misread",
  runtime: "fails at run time",
  warn: "trouble for some",
  cost: "slow",
  numerics: "numbers differ",
};

export function mountFacts(host: Element, data: FactsData): void {
  const summary = el("strong", {});
  const list = el("div", { class: "facts" });
  host.append(
    el("div", { class: "toolbar" }, chipSelect(data.chips), summary),
    list,
    el("details", {}, el("summary", {}, "All chips"), matrix(data)),
    el(
      "details",
      {},
      el("summary", {}, `${grouped(data.met.length)} facts that are met`),
      el(
        "ul",
        { class: "met" },
        ...data.met.map(([id, statement]) =>
          el("li", {}, el("code", {}, id), " ", ...prose(statement)),
        ),
      ),
    ),
  );
  onChip((chip) => {
    const found = data.verdicts.filter((v) => countOn(v, chip) > 0);
    const errors = found.filter((v) => v.severity === "error").length;
    const checked = data.checked[chip] ?? 0;
    fill(
      summary,
      `${grouped(checked)} facts checked: ` +
        (found.length === 0
          ? "all met"
          : `${errors} refuse or break it, ${found.length - errors} to know of`),
    );
    fill(list, ...found.map((v) => verdict(v, chip)));
  });
}

const countOn = ({ counts }: FactVerdict, chip: string): number => counts[chip] ?? 0;

const tone = (v: FactVerdict): string => (v.severity === "error" ? "bad" : "warn");

function verdict(v: FactVerdict, chip: string): Element {
  const places = v.places[chip] ?? [];
  const left = countOn(v, chip) - places.length;
  const rows: readonly (readonly [string, Element])[] = [
    ["fact", el("span", {}, ...prose(v.statement))],
    ["known", el("span", {}, v.known)],
    [
      "places",
      el(
        "ul",
        {},
        ...places.map((p) => el("li", {}, ...prose(p))),
        ...(left > 0 ? [el("li", {}, `and ${grouped(left)} more`)] : []),
      ),
    ],
    [
      "evidence",
      el("ul", {}, ...v.evidence.map(([who, what]) => el("li", {}, ...prose(`${who}: ${what}`)))),
    ],
    ["help", el("span", {}, ...prose(v.workaround))],
    ["page", el("code", {}, `docs/facts/${v.id}.md`)],
  ];
  return el(
    "details",
    { class: "fact", id: `fact-${v.id}` },
    el(
      "summary",
      {},
      el("span", { class: `badge ${tone(v)}` }, `${v.severity} ${v.code}`),
      el("span", { class: "badge muted" }, consequence(v)),
      el("code", {}, v.id),
      el("span", { class: "grow" }, ...prose(places[0] ?? v.statement)),
    ),
    el("dl", {}, ...rows.flatMap(([name, what]) => [el("dt", {}, name), el("dd", {}, what)])),
  );
}

/** What happens to who ignores a fact. */
function consequence({ kind, isContested }: FactVerdict): string {
  const words = WORDS[kind] ?? kind;
  return isContested ? `some say: ${words}` : words;
}

/** A row each fact, a column each chip. */
function matrix({ chips, verdicts }: FactsData): Element {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "Fact"),
    ...chips.map((c) => el("th", { scope: "col", class: "upright" }, chipText(c))),
  );
  const rows = verdicts.map((v) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("code", {}, v.id)),
      ...chips.map((chip) => {
        const n = countOn(v, chip);
        const label = n === 0 ? "met" : `${grouped(n)} places`;
        return el("td", { class: n === 0 ? "muted" : tone(v), title: label }, n === 0 ? "·" : "●");
      }),
    ),
  );
  return el(
    "div",
    { class: "scroll" },
    el("table", { class: "matrix" }, el("thead", {}, head), el("tbody", {}, ...rows)),
  );
}
