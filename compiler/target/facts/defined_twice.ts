/** A name is defined once in a function. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { definingOthers, freshNames, mapFunctions, readingOthers } from "./rewrite.ts";

export const definedTwice = defineFact({
  id: "defined_twice",
  statement: "A function that defines a name twice does not compile.",
  kind: "reject",
  evidence: [
    reported(
      "jafreck/ironmill docs/design/ane/ane-constraints.md",
      "a known cause of compile errors, M3 Pro",
    ),
    reported("mechramc/Orion README", "results are single assignments"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      const seen = new Set(f.inputs.map((i) => i.name));
      for (const { name, span } of f.body.flatMap((s) => s.results)) {
        if (seen.has(name)) yield { title: `\`${name}\` is defined again`, span };
        seen.add(name);
      }
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "give each value its own name",
  // Later readers mean the later definition. The last one keeps the name: it may be an output.
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      const inputs = new Set(f.inputs.map((i) => i.name));
      const last = new Map(f.body.flatMap((s, i) => s.results.map((r) => [r.name, i] as const)));
      const fresh = freshNames(f);
      const current = new Map<string, string>();
      const body = f.body.map((s, i) => {
        const read = readingOthers(s, current);
        const names = new Map(
          s.results.map(({ name }) => {
            const keeps = last.get(name) === i && !inputs.has(name);
            return [name, keeps ? name : fresh(name)] as const;
          }),
        );
        for (const [name, now] of names) current.set(name, now);
        return definingOthers(read, names);
      });
      if ([...current].every(([name, now]) => name === now)) {
        const names = f.body.flatMap((s) => s.results);
        if (new Set(names.map((r) => r.name)).size === names.length) return f;
      }
      return {
        ...f,
        body,
        outputs: f.outputs.map((o) => ({ ...o, name: current.get(o.name) ?? o.name })),
      };
    }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      [
        line("h", [1, 64, 1, 32], "relu(x = x)"),
        line("z", [1, 64, 1, 32], "add(x = h, y = x)"),
        line("h", [1, 64, 1, 32], "sigmoid(x = z)"),
        line("y", [1, 64, 1, 32], "mul(x = h, y = z)"),
      ].join("\n"),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      [line("h", [1, 64, 1, 32], "relu(x = x)"), line("y", [1, 64, 1, 32], "sigmoid(x = h)")].join(
        "\n",
      ),
    ),
  },
});
