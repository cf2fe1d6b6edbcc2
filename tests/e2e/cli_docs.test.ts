/** Pages that are made from the registries are what the code makes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { commands } from "../../cli/commands/index.ts";
import { generatedDocs } from "../../cli/docs.ts";
import { areas } from "../../compiler/messages/index.ts";
import { anec } from "./cli_support.ts";

const root = resolve(import.meta.dirname, "../..");
const again = "run `npm run build:ts && node scripts/generate_docs.mjs`";

test("docs/errors and docs/ops.md are current", () => {
  const docs = generatedDocs();
  for (const [path, text] of docs) {
    expect(existsSync(join(root, path)), `${path} is missing: ${again}`).toBe(true);
    expect(readFileSync(join(root, path), "utf8"), `${path} is stale: ${again}`).toBe(text);
  }
  const pages = readdirSync(join(root, "docs/errors")).map((name) => `docs/errors/${name}`);
  expect(pages.filter((path) => !docs.has(path))).toEqual([]);
});

test("every message is listed, under a code of its own", async () => {
  const listed = areas.flatMap((a) => a.messages);
  const codes = listed.map((m) => m.code);
  expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
  const folder = join(root, "compiler/messages");
  for (const file of readdirSync(folder).filter((f) => !["index.ts", "message.ts"].includes(f))) {
    const exports = (await import(join(folder, file))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exports)) {
      const isMessage = typeof value === "function" && "page" in value;
      if (isMessage) expect(listed.includes(value as never), `${file}: ${name}`).toBe(true);
    }
  }
});

test("every page has a summary of one line and an explanation in sentences", () => {
  for (const { code, page } of areas.flatMap((a) => a.messages)) {
    expect(page.summary, code).toMatch(/^[^\n]{8,90}[^.\n]$/);
    expect(page.explain, code).toMatch(/[.`)]$/);
  }
});

test.each(commands.map((c) => c.name))(
  "`anec %s --help` has an example that is a command line",
  async (name) => {
    const { code, out } = await anec([...name.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/\nExamples?:\n( {2}(sudo |mpirun -n \d+ )?anec .*\n)+$/);
    expect(out).toContain(`Usage: anec ${name}`);
    expect(out).not.toContain("(default: [])");
  },
);
