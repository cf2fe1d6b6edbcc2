/**
 * The cases in `tests/cases/mil`: each `mil in` block is read, checked and printed. Behind it stands
 * what comes out: `mil out`, the printed program, unless that is the input itself, or `messages out`.
 * `ANEC_UPDATE_CASES=1` rewrites the outputs.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkMil } from "../../../compiler/mil/check.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { printMil } from "../../../compiler/mil/print.ts";
import { type Diagnostic, UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";

const folder = new URL("../../cases/mil/", import.meta.url);
const update = process.env["ANEC_UPDATE_CASES"] === "1";

const INPUT = /```mil in\n([\s\S]*?)```\n(?:```(?:mil|messages) out\n[\s\S]*?```\n)*/g;

function outcome(text: string): string {
  const source = { path: "case.mil", text };
  let found: readonly Diagnostic[] = [];
  let printed = text;
  try {
    const program = parseMil(source);
    found = checkMil(program);
    printed = printMil(program);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    found = error.diagnostics;
  }
  const program = printed === text ? "" : `\`\`\`mil out\n${printed}\`\`\`\n`;
  const messages =
    found.length === 0 ? "" : `\`\`\`messages out\n${renderDiagnostics(found)}\n\`\`\`\n`;
  return program + messages;
}

for (const file of readdirSync(folder)) {
  test(file, () => {
    const place = new URL(file, folder);
    const text = readFileSync(place, "utf8");
    const now = text.replace(
      INPUT,
      (_, input: string) => `\`\`\`mil in\n${input}\`\`\`\n${outcome(input)}`,
    );
    if (update) writeFileSync(place, now);
    else expect(text).toBe(now);
  });
}
