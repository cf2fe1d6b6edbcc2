/**
 * A module of report/browser, with all it imports, as one script, so that a page needs no other file.
 *
 *     import { el } from "./dom.js";              const dom = (() => {
 *     export function draw() { … }        ⇒         …
 *                                                   return { el };
 *                                                 })();
 *                                                 const run = (() => {
 *                                                   const { el } = dom;
 *                                                   function draw() { … }
 *                                                   return { draw };
 *                                                 })();
 *
 * The compiler prints imports and exports in few forms, each on a line of its own. Every other form is a
 * mistake of ours.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { invariant } from "../compiler/support/bug.ts";
import { packageRoot } from "../dsl/index.ts";

const IMPORT = /^import \{ ([\w$, ]+) \} from "(\.[\w./]+)\.js";$/;
const EXPORT = /^export ((?:async )?function|const|let|class) (\w+)/;

/** The compiled text of a module: `report/browser/dom`. */
export type ReadModule = (path: string) => string;

const compiled: ReadModule = (path) =>
  readFileSync(join(packageRoot(), "dist", `${path}.js`), "utf8");

/** A classic script that runs module `entry` of report/browser after the modules it imports, each once. */
export function inlineModules(entry: string, read: ReadModule = compiled): string {
  const done = new Set<string>();
  const open: string[] = [];
  const out: string[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    invariant(!open.includes(name), `browser modules import each other: ${[...open, name]}`);
    open.push(name);
    const { imports, text } = wrapped(name, read(name));
    for (const other of imports) visit(other);
    open.pop();
    done.add(name);
    out.push(text);
  };
  visit(`report/browser/${entry}`);
  const script = `"use strict";\n${out.join("\n")}\n`;
  invariant(!/<\/script|<!--/i.test(script), `module ${entry} would end its own element`);
  return script;
}

function wrapped(name: string, text: string): { imports: readonly string[]; text: string } {
  const imports: string[] = [];
  const names: string[] = [];
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const imported = IMPORT.exec(line);
    const exported = EXPORT.exec(line);
    if (imported !== null) {
      const other = join(dirname(name), imported[2]!).replaceAll("\\", "/");
      imports.push(other);
      lines.push(`const { ${imported[1]!.replaceAll(" as ", ": ")} } = ${variable(other)};`);
    } else if (exported !== null) {
      names.push(exported[2]!);
      lines.push(line.slice("export ".length));
    } else if (line !== "export {};" && !line.startsWith("//# ")) {
      invariant(!/^(import|export)\b/.test(line), `browser module ${name} has the line ${line}`);
      lines.push(line);
    }
  }
  const body = lines.join("\n").trim();
  return {
    imports,
    text: `const ${variable(name)} = (() => {\n${body}\nreturn { ${names.join(", ")} };\n})();`,
  };
}

const variable = (path: string): string => `module_${path.replaceAll(/\W/g, "_")}`;
