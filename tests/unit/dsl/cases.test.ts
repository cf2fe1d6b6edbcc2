import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { printGraph } from "../../../compiler/ir/print.ts";
import * as names from "../../../compiler/messages/names.ts";
import * as syntax from "../../../compiler/messages/syntax.ts";
import * as types from "../../../compiler/messages/types.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { check, elaborate, format } from "../../../dsl/index.ts";
import { type RunCase, testCases } from "../../support/cases.ts";

const FOLDER = "tests/cases/language";

/** `text out`: messages; `ane out`: canonical layout; `ir out`: the graph of the last entry. */
const run: RunCase = (input, output) => {
  const source = { path: "case.ane", text: input.text };
  const pairs = input.words.map((w) => w.split("=") as [string, string]);
  const overrides = Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
  if (output.language === "text") return renderDiagnostics(check(source, { overrides }));
  try {
    if (output.language === "ane") return format(source);
    return printGraph(elaborate(source, { overrides }).entries.at(-1)!.graph());
  } catch (error) {
    if (error instanceof UserError) return renderDiagnostics(error.diagnostics);
    throw error;
  }
};

testCases(FOLDER, run);

/** Messages that no `.ane` file can bring about; their tests are in `builder.test.ts`. */
const ELSEWHERE = ["E0216", "E0322", "E0323"];

test("every message of the language has a case", () => {
  const pages = readdirSync(FOLDER).map((file) => readFileSync(join(FOLDER, file), "utf8"));
  const shown = new Set(pages.join("\n").match(/(?<=^(?:error|warning)\[)E\d+/gm));
  const codes = [names, syntax, types].flatMap((area) =>
    Object.values(area).map((message) => (message as { readonly code: string }).code),
  );
  expect(codes.filter((code) => !shown.has(code) && !ELSEWHERE.includes(code))).toEqual([]);
});
