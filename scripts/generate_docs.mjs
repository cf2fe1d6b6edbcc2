/**
 * Writes the pages that are made from the registries: docs/errors/, docs/facts/ and docs/ops.md.
 *
 *     npm run build:ts && node scripts/generate_docs.mjs
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedDocs } from "../dist/cli/docs.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const docs = generatedDocs();

for (const folder of ["errors", "facts"]) {
  mkdirSync(join(root, "docs", folder), { recursive: true });
  for (const name of readdirSync(join(root, "docs", folder))) {
    if (!docs.has(`docs/${folder}/${name}`)) rmSync(join(root, "docs", folder, name));
  }
}
for (const [path, text] of docs) writeFileSync(join(root, path), text);
process.stdout.write(`${docs.size} pages\n`);
