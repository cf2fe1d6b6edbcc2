/** `anec mil diff`: how two MIL programs differ, op by op. */
import type { Command } from "commander";
import { type Change, type Detail, diffMil, type Renaming } from "../../compiler/mil/diff.ts";
import { printStatement } from "../../compiler/mil/print.ts";
import type { Statement } from "../../compiler/mil/tree.ts";
import { positionAt } from "../../compiler/support/source.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { readMil } from "../mil_files.ts";
import { count, jsonLine } from "../output.ts";

interface Flags extends JsonFlag {
  readonly names?: boolean;
}

export const command = {
  examples: ["anec mil diff old.mil new.mil", "anec mil diff --names old.mil new.mil --json"],

  define(c: Command): void {
    c.argument("<old>", "a .mil file")
      .argument("<new>", "another; exit code 1 says that they differ")
      .option("--names", "names of functions, inputs and outputs count as differences too");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<Flags>): number {
    const [from, to] = args as [string, string];
    const { changes, renamed } = diffMil(readMil(from), readMil(to));
    const isSame = changes.length === 0 && (flags.names !== true || renamed.length === 0);
    if (flags.json === true) {
      const list = changes.map(changeJson);
      io.out.write(jsonLine({ from, to, same: isSame, changes: list, renamed }));
    } else {
      for (const change of changes) io.out.write(changeText(change));
      if (changes.length > 0) io.out.write("\n");
      for (const r of renamed) io.out.write(renamingText(r));
      io.out.write(`${from} and ${to}: ${sumText(changes, isSame)}\n`);
    }
    return isSame ? EXIT.ok : EXIT.input;
  },
};

function sumText(changes: readonly Change[], isSame: boolean): string {
  if (isSame) return "the same program";
  const counts = (["removed", "added", "moved", "changed"] as const).flatMap((kind) => {
    const n = changes.filter((c) => c.kind === kind).length;
    return n === 0 ? [] : [`${n} ${kind}`];
  });
  const headers = changes.flatMap((c) => (c.kind === "header" ? c.details : [])).length;
  if (headers > 0) counts.push(`${count(headers, "difference")} outside of statements`);
  return counts.length === 0 ? "other names" : counts.join(", ");
}

const SIGNS = { removed: "-", added: "+", moved: ">", changed: "~", header: "~" } as const;

/** One line, and one more for each detail. */
function changeText(change: Change): string {
  const sign = SIGNS[change.kind];
  switch (change.kind) {
    case "removed":
      return `${sign} ${lineText(change.from)}  ${shortened(printStatement(change.from))}\n`;
    case "added":
      return `${sign} ${lineText(change.to)}  ${shortened(printStatement(change.to))}\n`;
    case "moved":
      return `${sign} ${lines(change)}  ${shortened(printStatement(change.from))}\n`;
    case "changed": {
      const name = change.from.results[0]?.name;
      const what = `${change.to.op}${name === undefined ? "" : ` ${name}`}`;
      return `${sign} ${lines(change)}  ${what}\n${change.details.map(detailText).join("")}`;
    }
    case "header": {
      const what = change.function === "" ? "the program" : `function ${change.function}`;
      return `${sign} ${what}\n${change.details.map(detailText).join("")}`;
    }
    default:
      return change satisfies never;
  }
}

function detailText({ part, name, from, to }: Detail): string {
  const what = name === "" ? part : `${part} ${name}`;
  if (from === undefined) return `      ${what}: added ${shortened(to ?? "")}\n`;
  if (to === undefined) return `      ${what}: removed ${shortened(from)}\n`;
  if (from === to) return `      ${what}: ${shortened(from)} → another ${shortened(to)}\n`;
  const [p, q] = apart(from, to);
  return `      ${what}: ${p} → ${q}\n`;
}

const renamingText = ({ what, from, to }: Renaming): string => `${what} ${from} is called ${to}\n`;

function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** Two long texts from shortly before the place where they differ. */
function apart(from: string, to: string): readonly [string, string] {
  let start = 0;
  while (start < from.length && from[start] === to[start]) start += 1;
  const cut = Math.max(from.length, to.length) <= LONGEST ? 0 : Math.max(0, start - CONTEXT);
  const part = (text: string): string => `${cut > 0 ? "…" : ""}${shortened(text.slice(cut))}`;
  return [part(from), part(to)];
}

const CONTEXT = 24;
const LONGEST = 120;

function lineOf({ span }: Statement): number | undefined {
  return span === undefined ? undefined : positionAt(span.source, span.start).line;
}

const lineText = (s: Statement): string => String(lineOf(s) ?? "?");

const lines = ({ from, to }: { readonly from: Statement; readonly to: Statement }): string =>
  `${lineText(from)} → ${lineText(to)}`;

function changeJson(change: Change) {
  const side = (s: Statement | undefined) =>
    s === undefined ? null : { line: lineOf(s) ?? null, text: printStatement(s) };
  return {
    kind: change.kind,
    function: change.function,
    from: side("from" in change ? change.from : undefined),
    to: side("to" in change ? change.to : undefined),
    ...("details" in change ? { details: change.details } : {}),
  };
}
