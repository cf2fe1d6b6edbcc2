/** A file imports its own level or a lower one: the layers of the architecture, held by a machine. */
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { contentOf, sourceFiles } from "./source_files.ts";

/** Folder → level; the longest prefix wins. */
const LEVELS: readonly (readonly [prefix: string, level: number])[] = [
  ["compiler/support/", 0],
  ["compiler/ir/", 1],
  ["compiler/messages/", 2],
  ["compiler/ops/", 3],
  ["compiler/autodiff/", 4],
  ["compiler/reference/", 4],
  ["compiler/target/", 4],
  ["compiler/mil/", 4],
  ["compiler/bundle/", 4],
  ["dsl/", 5],
  ["kernels/", 6],
  ["passes/", 7],
  ["index.ts", 8],
  ["version.ts", 0],
  ["training/", 9],
  ["formats/", 9],
  ["lsp/", 9],
  ["api/", 10],
  ["report/", 10],
  ["cli/", 11],
  ["bench/published/", 9],
  ["bench/", 12],
];

/** The runtime's binding knows messages and the bundle's types, and nothing else of the compiler. */
const BINDING = "runtime-native/js/";
const BINDING_MAY_IMPORT = [BINDING, "compiler/support/", "compiler/messages/", "compiler/bundle/"];
const MAY_IMPORT_BINDING = ["api/", "training/", "cli/", "bench/"];

const levelOf = (path: string): number | undefined =>
  LEVELS.find(([prefix]) => path.startsWith(prefix))?.[1];

function importsOf(path: string): string[] {
  const found: string[] = [];
  for (const match of contentOf(path).matchAll(
    /(?:from\s+|import\s*\(\s*|import\s+)"(\.[^"]+)"/g,
  )) {
    found.push(normalize(join(dirname(path), match[1]!)).replaceAll("\\", "/"));
  }
  return found;
}

const files = sourceFiles(".ts").filter(
  (f) => !f.startsWith("tests/") && !f.endsWith(".config.ts"),
);

test("every source file has a level", () => {
  expect(files.filter((f) => levelOf(f) === undefined && !f.startsWith(BINDING))).toEqual([]);
  expect(files.length).toBeGreaterThan(80);
});

test("no file imports a higher level", () => {
  const faults: string[] = [];
  for (const file of files) {
    for (const target of importsOf(file)) {
      const toBinding = target.startsWith(BINDING);
      const fault = file.startsWith(BINDING)
        ? !BINDING_MAY_IMPORT.some((p) => target.startsWith(p))
        : toBinding
          ? !MAY_IMPORT_BINDING.some((p) => file.startsWith(p))
          : (levelOf(target) ?? 99) > levelOf(file)!;
      if (fault) faults.push(`${file} imports ${target}`);
    }
  }
  expect(faults).toEqual([]);
});
