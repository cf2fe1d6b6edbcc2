/** Rules about files that a machine can check. */
import { expect, test } from "vitest";
import { ops } from "../../compiler/ops/index.ts";
import { passes } from "../../passes/pipeline.ts";
import { VERSION } from "../../version.ts";
import { contentOf, sourceFiles } from "./source_files.ts";

const code = sourceFiles(".ts", ".cpp", ".h", ".mjs", ".js", ".ane", ".hbs");

test("no source file is longer than 400 lines", () => {
  const long = code.filter((f) => contentOf(f).split("\n").length > 401);
  expect(long).toEqual([]);
});

test("file names are snake_case", () => {
  const allowed = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/;
  const odd = code.filter((f) => !allowed.test(f.slice(f.lastIndexOf("/") + 1)));
  expect(odd).toEqual([]);
});

test("source files say first what they are for", () => {
  const isLead = /^(#!.*\n)?(\/\*\*|\/\/|\{\{!--|import )/;
  expect(code.filter((f) => !isLead.test(contentOf(f)))).toEqual([]);
});

test("no default exports, no enums, no skipped or focused tests", () => {
  const faults: string[] = [];
  for (const file of code.filter((f) => f.endsWith(".ts") && !f.includes("tests/meta/"))) {
    const text = contentOf(file);
    if (/^export default/m.test(text) && !file.endsWith("vitest.config.ts"))
      faults.push(`${file}: default export`);
    if (/\b(test|it|describe)\.(only|skip|todo)\(/.test(text))
      faults.push(`${file}: skipped or focused test`);
    if (/^\s*(export )?(const )?enum /m.test(text)) faults.push(`${file}: enum`);
  }
  expect(faults).toEqual([]);
});

test("no machine paths and no hosts of registries", () => {
  const hosts = ["npmjs" + ".org", "pypi" + ".org", "/wo" + "rk/", "/home/", "/root/"];
  const faults: string[] = [];
  for (const file of [...code, ...sourceFiles(".md", ".json", ".yml")].filter(
    (f) => !f.startsWith("tests/"),
  )) {
    const text = contentOf(file);
    for (const host of hosts) if (text.includes(host)) faults.push(`${file}: ${host}`);
  }
  expect(faults).toEqual([]);
});

test("registered names are snake_case and unique", () => {
  for (const list of [ops, passes]) {
    const names = list.map((x) => x.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((n) => !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(n))).toEqual([]);
  }
});

test("every op file is registered", () => {
  const helpers = [
    "define",
    "elementwise",
    "reduce",
    "host",
    "mil",
    "tensor",
    "index",
    "attention_math",
    "matmul_host",
  ];
  const index = contentOf("compiler/ops/index.ts");
  const missing = sourceFiles(".ts")
    .filter((f) => f.startsWith("compiler/ops/"))
    .map((f) => f.slice("compiler/ops/".length, -3))
    .filter((name) => !helpers.includes(name) && !index.includes(`"./${name}.ts"`));
  expect(missing).toEqual([]);
});

test("the version is the package's", () => {
  expect(VERSION).toBe((JSON.parse(contentOf("package.json")) as { version: string }).version);
});

test("dependencies are pinned exactly", () => {
  const { dependencies, devDependencies } = JSON.parse(contentOf("package.json")) as Record<
    string,
    Record<string, string>
  >;
  for (const version of Object.values({ ...dependencies, ...devDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});
