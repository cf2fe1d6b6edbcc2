/** The colours of editors: every model, library layer and MIL program is covered by the grammars. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";
import { milTexts } from "../../cli/compile_output.ts";
import { elaborate, loadModel, packageRoot } from "../../dsl/index.ts";
import { compile } from "../../index.ts";

const { loadWASM, OnigScanner, OnigString } = oniguruma;
const { INITIAL, parseRawGrammar, Registry } = textmate;

const require = createRequire(import.meta.url);
const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
await loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));

const registry = new Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new OnigScanner(patterns),
    createOnigString: (text) => new OnigString(text),
  }),
  loadGrammar: async (scope) => {
    const name = `${scope.slice("source.".length)}.tmLanguage.json`;
    const path = join(packageRoot(), "editors", "vscode", "syntaxes", name);
    return parseRawGrammar(readFileSync(path, "utf8"), path);
  },
});

/** Words and numbers that have no scope of their own, and the scopes of all others by text. */
async function scopesOf(language: string, text: string) {
  const grammar = await registry.loadGrammar(`source.${language}`);
  const plain: string[] = [];
  const scopes = new Map<string, string>();
  let state = INITIAL;
  for (const line of text.split("\n")) {
    const { tokens, ruleStack } = grammar!.tokenizeLine(line, state);
    state = ruleStack;
    for (const token of tokens) {
      const word = line.slice(token.startIndex, token.endIndex);
      if (token.scopes.length > 1) scopes.set(word, token.scopes.at(-1)!);
      else if (/\w/.test(word)) plain.push(word);
    }
  }
  return { plain, scopes };
}

/** The text of every `.ane` file of a folder of this package. */
function layers(folder: string): string[] {
  const path = join(packageRoot(), "dsl", folder);
  const names = readdirSync(path).filter((name) => name.endsWith(".ane"));
  return names.map((name) => readFileSync(join(path, name), "utf8"));
}

function programs(): string[] {
  const entry = elaborate(loadModel("tiny")).entries.find((e) => e.kind === "train")!;
  const { bundle } = compile(entry.graph(), { target: "ane", gradients: true });
  return milTexts(bundle).map(([, text]) => text);
}

test.each([
  ["ane", () => [...layers("models"), ...layers("std")]],
  ["mil", programs],
])("every word of the %s files of this project has a colour", async (language, texts) => {
  expect(texts().length).toBeGreaterThan(2);
  for (const text of texts()) {
    const { plain } = await scopesOf(language, text);
    expect(plain).toEqual([]);
  }
});

test("words have the colours of what they are", async () => {
  const { scopes } = await scopesOf(
    "ane",
    '/// Doc.\nlayer f(x: [S, D]) -> [S, D] {\n  param w: [D, D] init uniform(0.5)\n  x += rms_norm#a(x) @ w // done\n  return rope(x, pairing: "split")\n}',
  );
  expect(scopes.get("/// Doc.")).toBe("comment.line.documentation.ane");
  expect(scopes.get("layer")).toBe("keyword.declaration.ane");
  expect(scopes.get("f")).toBe("entity.name.function.ane");
  expect(scopes.get("w")).toBe("variable.other.ane");
  expect(scopes.get("D")).toBe("variable.other.constant.ane");
  expect(scopes.get("0.5")).toBe("constant.numeric.ane");
  expect(scopes.get("#a")).toBe("entity.name.tag.ane");
  expect(scopes.get('"split"')).toBe("string.quoted.double.ane");
  expect(scopes.get("return")).toBe("keyword.control.ane");
  expect(scopes.get("// done")).toBe("comment.line.double-slash.ane");
});
