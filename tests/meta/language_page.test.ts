/** docs/language.md names every function and hyper-parameter, and its example is a good file. */
import { expect, test } from "vitest";
import { builtIns, check, format, hyperParameters } from "../../dsl/index.ts";
import { contentOf } from "./source_files.ts";

const page = contentOf("docs/language.md");

test("it names everything that can be called or set", () => {
  const names = [...builtIns.keys(), ...hyperParameters.map((h) => h.name)];
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([]);
});

test.each(["docs/language.md", "README.md", "ARCHITECTURE.md"])(
  "the example in %s is good",
  (path) => {
    const text = /```ane\n([\s\S]*?)```/.exec(contentOf(path))![1]!;
    expect(check({ path, text }).filter((d) => d.severity === "error")).toEqual([]);
    expect(format(text)).toBe(text);
  },
);
