/** Names of constants in programs of several functions. */
import type { MilFunction } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { BUILD_INFO } from "./examples.ts";
import { definingOthers, freshNames, mapFunctions, readingOthers } from "./rewrite.ts";

const func = (name: string, weight: string): string =>
  `    func ${name}<ios18>(tensor<fp16, [1, 64, 1, 32]> x) {
        fp16 ${weight} = const()[val = fp16(0.5)];
        tensor<fp16, [1, 64, 1, 32]> y = mul(x = x, y = ${weight});
    } -> (y);\n`;

const text = (second: string): string =>
  `program(1.3)\n${BUILD_INFO}\n{\n${func("layer0", "w")}${func("layer1", second)}}\n`;

const constantsOf = (f: MilFunction): string[] =>
  f.body.filter((s) => s.op === "const").flatMap((s) => s.results.map((r) => r.name));

export const constantNames = defineFact({
  id: "constant_names",
  statement: "In a program of several functions, constants have names that no other function uses.",
  kind: "warn",
  evidence: [
    reported(
      "thebasedcapital/ane-infer docs/ane-internals.md",
      "kept unique in all programs that ran, M5",
    ),
  ],
  *check({ functions }): Generator<Finding> {
    const seen = new Set<string>();
    for (const { f, definitions } of functions) {
      const names = constantsOf(f);
      for (const name of names) {
        const span = definitions.get(name)?.results[0]?.span;
        if (seen.has(name)) yield { title: `constant \`${name}\` is in several functions`, span };
      }
      for (const name of names) seen.add(name);
    }
  },
  workaround: "put the function's name in front of the constant's",
  fix: (c) => {
    const seen = new Set<string>();
    return mapFunctions(c, ({ f }) => {
      const twice = constantsOf(f).filter((name) => seen.has(name));
      const fresh = freshNames(f);
      const names = new Map(twice.map((name) => [name, fresh(`${f.name}_${name}`)]));
      for (const name of constantsOf(f)) seen.add(names.get(name) ?? name);
      if (names.size === 0) return f;
      const body = f.body.map((s) => definingOthers(readingOthers(s, names), names));
      return { ...f, body };
    });
  },
  emulator: "accepts it",
  examples: { fires: text("w"), silent: text("v") },
});
