/**
 * Writes docs/api/: what a program can import from anec, from the types and the comments of the sources.
 *
 *     node scripts/generate_api_docs.mjs            writes the pages
 *     node scripts/generate_api_docs.mjs --check    says whether they are current; a test does
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const entry = join(root, "api", "index.ts");
const NOTE = "<!-- Made by scripts/generate_api_docs.mjs. Do not edit. -->";

const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
const program = ts.createProgram([entry], { ...options, noEmit: true });
const checker = program.getTypeChecker();
const FORMAT =
  ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

const resolved = (symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** The comment above a declaration, and what it says of errors. */
function docOf(symbol) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const throws = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === "throws")
    .map(({ text: parts }) => `Throws ${ts.displayPartsToString(parts).replace(/\s+/g, " ")}`);
  return [text, ...throws].filter((part) => part !== "").join("\n\n");
}

/** The words of a declaration as they stand in the source, without its body. */
function headOf(declaration) {
  const source = declaration.getSourceFile();
  const end = declaration.body === undefined ? declaration.end : declaration.body.getStart(source);
  return tidy(source.text.slice(declaration.getStart(source), end));
}

function tidy(text) {
  return text.replace(/\s+$/, "").replace(/^export /, "");
}

const isHidden = (member) =>
  (member.name !== undefined && ts.isPrivateIdentifier(member.name)) ||
  (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0;

/** A class or an interface: its head, and a line for each member. */
function members(declaration) {
  const lines = [];
  for (const member of declaration.members) {
    if (isHidden(member) || ts.isConstructorDeclaration(member)) continue;
    const own = member.name && checker.getSymbolAtLocation(member.name);
    const isField = member.initializer !== undefined;
    const text = isField
      ? `${member.name.getText()}: ${checker.typeToString(checker.getTypeAtLocation(member), member, FORMAT)}`
      : headOf(member);
    const doc = own === undefined ? "" : docOf(own).replace(/\s*\n\s*/g, " ");
    const head = text.replace(/;$/, "").replace(/\s*\n\s*/g, " ");
    lines.push(`- \`${head}\`${doc === "" ? "" : `\\\n  ${doc}`}`);
  }
  return lines.join("\n");
}

function section(name, symbol, level = "##") {
  const declaration = symbol.declarations?.[0];
  const doc = docOf(symbol);
  const start = `${level} ${name}\n${doc === "" ? "" : `\n${doc}\n`}`;
  if (declaration === undefined) return start;
  const fence = (text) => `\n\`\`\`ts\n${text}\n\`\`\`\n`;
  if (ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration)) {
    const brace = declaration.members.pos;
    const source = declaration.getSourceFile();
    const head = tidy(source.text.slice(declaration.getStart(source), brace)).replace(/ ?\{$/, "");
    return `${start}${fence(head)}\n${members(declaration)}\n`;
  }
  if (ts.isVariableDeclaration(declaration)) {
    const type = checker.typeToString(checker.getTypeAtLocation(declaration), declaration, FORMAT);
    return `${start}${fence(`const ${name}: ${type}`)}`;
  }
  return `${start}${fence(headOf(declaration))}`;
}

/** The exports of a module, by name. */
function exportsOf(symbol) {
  return checker
    .getExportsOfModule(symbol)
    .map((one) => ({ name: one.name, symbol: resolved(one) }))
    .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

/** The comment a file begins with. */
function leadOf(file) {
  const text = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(readFileSync(file, "utf8"))?.[1] ?? "";
  return text
    .split("\n")
    .map((line) => line.replace(/^ \* ?/, ""))
    .join("\n");
}

/** Indented examples as blocks of TypeScript. */
function withExamples(text) {
  return text.replace(/(?:^ {4}.*\n?)+/gm, (block) => {
    const code = block.replace(/^ {4}/gm, "").trimEnd();
    return `\`\`\`ts\n${code}\n\`\`\`\n`;
  });
}

function pages() {
  const main = checker.getSymbolAtLocation(program.getSourceFile(entry));
  const all = exportsOf(main);
  const isModule = ({ symbol }) => (symbol.flags & ts.SymbolFlags.Module) !== 0;
  const isType = ({ symbol }) => (symbol.flags & ts.SymbolFlags.Value) === 0;
  const values = all.filter((one) => !isModule(one) && !isType(one));
  const types = all.filter(isType);
  const made = new Map();
  const list = (some) => some.map(({ name, symbol }) => section(name, symbol)).join("\n");
  const modules = all.filter(isModule);
  const links = modules.map(
    ({ name }) => `\`${name}\` has a page of its own: [${name}.md](${name}.md).`,
  );
  made.set(
    "README.md",
    `${NOTE}\n# Using anec as a library\n\n${withExamples(leadOf(entry)).trim()}\n\nExamples that run: ` +
      `[examples/library](../../examples/library). ${links.join(" ")}\n\n${list(values)}\n# Types\n\n${list(types)}`,
  );
  for (const { name, symbol } of modules) {
    const file = symbol.declarations[0].getSourceFile().fileName;
    made.set(
      `${name}.md`,
      `${NOTE}\n# ${name}\n\n${leadOf(file)}\n\n${exportsOf(symbol)
        .map((one) => section(one.name, one.symbol))
        .join("\n")}`,
    );
  }
  return made;
}

const folder = join(root, "docs", "api");
const made = pages();
if (process.argv.includes("--check")) {
  const stale = [...made].filter(([name, text]) => {
    const path = join(folder, name);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
  if (stale.length > 0) {
    const names = stale.map(([name]) => relative(root, join(folder, name))).join(", ");
    process.stderr.write(`${names}: stale, run \`node scripts/generate_api_docs.mjs\`\n`);
    process.exit(1);
  }
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of made) writeFileSync(join(folder, name), text);
  process.stdout.write(`${made.size} pages\n`);
}
