/**
 * A page that stands alone: one HTML file with its style, its data and its scripts inside.
 *
 *     renderPage({
 *       title: "tiny",
 *       sections: [{ id: "loss", title: "Loss", body: '<div id="loss_chart"></div>' }],
 *       data: { loss: [3.1, 2.9] },      // read by `dataOf("loss")` of report/browser/dom.ts
 *       module: "run",                   // report/browser/run.ts, with all it imports
 *     })
 *
 * It asks for nothing from any network and says so to the browser: its policy allows the one script it
 * carries, by digest, so that markup from a hostile file could not run even if it were let in. Nothing is:
 * names travel as JSON and become text nodes, and the few that stand in the markup are escaped.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";
import { packageRoot } from "../dsl/index.ts";
import { VERSION } from "../version.ts";
import { inlineModules } from "./inline_modules.ts";

/** A part of a page, listed in its navigation. */
export interface Section {
  /** Letters, digits and `_`: the anchor, and what browser modules find it by. */
  readonly id: string;
  readonly title: string;
  /** A sentence or two below the title: plain text, with code between backquotes. */
  readonly lead?: string;
  /** Markup. Text from outside belongs into `data`, or through `escapeHtml`. */
  readonly body: string;
}

export interface Page {
  readonly title: string;
  /** What the page is about: a path, an entry. */
  readonly subtitle?: string;
  /** What one wants to know first, as small labelled numbers. */
  readonly figures?: readonly (readonly [label: string, value: string])[];
  readonly sections: readonly Section[];
  /** Values for the browser modules, by name. */
  readonly data: Readonly<Record<string, unknown>>;
  /** A file of report/browser without `.ts`; it runs when the page has been read. */
  readonly module: string;
  /** Further files of style, without `.css`: report/NAME.css, after report/style.css. */
  readonly styles?: readonly string[];
  /** Whether the page may talk to the server it came from. */
  readonly isLive?: boolean;
}

const fileOf = (name: string): string => readFileSync(join(packageRoot(), "report", name), "utf8");

/** The whole page as HTML. */
export function renderPage(page: Page): string {
  const script = inlineModules(page.module);
  const digest = createHash("sha256").update(script).digest("base64");
  const template = Handlebars.compile(fileOf("page.hbs"), { strict: true, knownHelpersOnly: true });
  return template({
    title: page.title,
    subtitle: page.subtitle ?? "",
    figures: (page.figures ?? []).map(([label, value]) => ({ label, value })),
    sections: page.sections.map((s) => ({ ...s, lead: proseHtml(s.lead ?? "") })),
    data: Object.entries(page.data).map(([name, value]) => ({ name, json: embeddedJson(value) })),
    policy:
      `default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'; img-src data:; ` +
      `base-uri 'none'; form-action 'none'${page.isLive === true ? "; connect-src 'self'" : ""}`,
    style: ["style", ...(page.styles ?? [])].map((name) => fileOf(`${name}.css`)).join("\n"),
    script,
    version: VERSION,
  });
}

/** Text as markup that shows it. */
export function escapeHtml(text: string): string {
  return Handlebars.escapeExpression(text);
}

function proseHtml(text: string): string {
  return text
    .split("`")
    .map((part, i) => (i % 2 === 1 ? `<code>${escapeHtml(part)}</code>` : escapeHtml(part)))
    .join("");
}

/** JSON that cannot end the element it stands in: `<` is the only sign that could begin a tag. */
export function embeddedJson(value: unknown): string {
  return JSON.stringify(value ?? null).replaceAll("<", "\\u003c");
}
