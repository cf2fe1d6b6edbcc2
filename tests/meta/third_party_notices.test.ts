/** THIRD_PARTY_NOTICES.md lists what is installed, and all of it has a licence that allows it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { contentOf, ROOT } from "./source_files.ts";

test("the notices are current", () => {
  const script = join(ROOT, "scripts", "third_party_notices.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("every dependency is in the table", () => {
  const { dependencies } = JSON.parse(contentOf("package.json")) as {
    dependencies: Record<string, string>;
  };
  const page = contentOf("THIRD_PARTY_NOTICES.md");
  for (const [name, version] of Object.entries(dependencies))
    expect(page).toContain(`| ${name} | ${version} | `);
});
