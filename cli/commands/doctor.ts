/** `anec doctor`: what this machine has of what anec uses, what does not work, and what to do about it. */
import type { Command } from "commander";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { type Findings, lookAround } from "../machine.ts";
import { jsonLine, wrapped } from "../output.ts";

export const command = {
  examples: ["anec doctor", "anec doctor --json"],

  define(c: Command): void {
    jsonFlag(c);
    c.option("--quick", "leave out the measurement of matrix products");
  },

  run({ io, flags }: Call<JsonFlag & { readonly quick?: boolean }>): number {
    const found = lookAround({ measure: flags.quick !== true });
    io.out.write(flags.json === true ? jsonLine(found) : doctorText(found, io.out.columns));
    return found.ready ? EXIT.ok : EXIT.environment;
  },
};

/** The findings as a table, and the advice below it. */
export function doctorText(
  { version, platform, ready, checks, rates }: Findings,
  columns: number,
): string {
  const width = Math.max(...checks.map(({ name }) => name.length), "SGEMM".length);
  const measured = rates.map((r) => `${r.library} ${r.gflops.toFixed(0)} GFLOP/s`).join(", ");
  const rows = [
    ...checks,
    ...(measured === "" ? [] : [{ name: "SGEMM", state: "ready", what: measured } as const]),
  ].map(({ name, state, what }) => {
    const start = `  ${state.padEnd(5)}  ${name.padEnd(width)}  `;
    return `${start}${hanging(what, start.length, columns)}\n`;
  });
  const advice = checks.flatMap((check) => (check.advice === undefined ? [] : [check.advice]));
  const end = ready
    ? "Everything that is needed is there."
    : "Something that is needed is missing.";
  return `anec ${version} on ${platform}\n\n${rows.join("")}\n${[...advice, end].map(wrapped).join("")}`;
}

/** Words in lines that end before `columns`, those after the first one below it. */
function hanging(text: string, indent: number, columns: number): string {
  const room = Math.max(40, columns - indent);
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
