/**
 * Writes THIRD_PARTY_NOTICES.md: every package that anec runs with, its licence, and the text of it.
 *
 *     node scripts/third_party_notices.mjs            writes the page
 *     node scripts/third_party_notices.mjs --check    says whether it is current; a test does
 *
 * What is listed is what is installed: the dependencies of package.json, and theirs.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = join(root, "THIRD_PARTY_NOTICES.md");
/** Licences that ask for no more than their text. */
const KNOWN = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"]);

function fail(message) {
  process.stderr.write(message + "\n");
  process.exit(1);
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The folder of a package as Node finds it from another one; undefined if it is not installed. */
function installed(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (folder === root || dirname(folder) === folder) return undefined;
  }
}

/** folder → { manifest, users }, for everything that is reached from package.json. */
function packages() {
  const found = new Map();
  const visit = (folder, user) => {
    const known = found.get(folder);
    if (known !== undefined) {
      known.users.add(user);
      return;
    }
    const manifest = manifestOf(folder);
    found.set(folder, { manifest, users: new Set([user]) });
    follow(folder, manifest);
  };
  const follow = (folder, { name, dependencies = {}, optionalDependencies = {} }) => {
    for (const wish of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = installed(wish, folder);
      if (path !== undefined) visit(path, name);
      else if (!(wish in optionalDependencies)) fail(`${wish} is not installed: run \`npm ci\``);
    }
  };
  follow(root, manifestOf(root));
  return found;
}

function licenceText(folder) {
  const name = readdirSync(folder).find((file) => /^licen[cs]e(\.(md|txt))?$/i.test(file));
  if (name === undefined) fail(`${folder} has no licence text`);
  const text = readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();
}

function rendered() {
  const list = [...packages()]
    .map(([folder, { manifest, users }]) => ({
      ...{ name: manifest.name, version: manifest.version, licence: manifest.license },
      ...{ users: [...users].sort().join(", "), text: licenceText(folder) },
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const odd = list.filter(({ licence }) => !KNOWN.has(licence));
  if (odd.length > 0)
    fail(odd.map((p) => `${p.name}: ${p.licence} is not a known licence`).join("\n"));
  const texts = new Map();
  for (const one of list) texts.set(one.text, [...(texts.get(one.text) ?? []), one]);
  const rows = list.map((p) => `| ${p.name} | ${p.version} | ${p.licence} | ${p.users} |`);
  const bodies = [...texts].map(
    ([text, users]) =>
      `## ${users.map(({ name }) => name).join(", ")}\n\n\`\`\`text\n${text}\n\`\`\`\n`,
  );
  return `<!-- Made by scripts/third_party_notices.mjs. Do not edit. -->
# Third-party notices

anec itself is under the MIT licence (LICENSE). It runs with these packages, which npm installs beside it:

| package | version | licence | for |
| --- | --- | --- | --- |
${rows.join("\n")}

Prebuilt runtimes (\`prebuilds/\`) contain parts of LLVM's libc++, libc++abi and compiler-rt (Apache-2.0 with the
LLVM exception), and for x86-64 Linux parts of GCC's libgcc (GPL-3.0 with the GCC runtime library exception). Both
exceptions allow it without further notice.

${bodies.join("\n")}`;
}

const text = rendered();
if (process.argv.includes("--check")) {
  const isCurrent = existsSync(page) && readFileSync(page, "utf8") === text;
  if (!isCurrent)
    fail("THIRD_PARTY_NOTICES.md is stale: run `node scripts/third_party_notices.mjs`");
} else {
  writeFileSync(page, text);
  process.stdout.write(`${text.split("\n").length} lines\n`);
}
