/** Every statement has a name. */
import { stringValue } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { mapFunctions } from "./rewrite.ts";
import { argument } from "./walk.ts";

const text = program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"));

export const statementNames = defineFact({
  id: "statement_names",
  statement:
    'Every statement ends with `[name = string("…")]`; no program that runs leaves it out.',
  kind: "warn",
  evidence: [
    reported("sbryngelson/ANEForge MIL primer", "calls it mandatory"),
    reported("maderix/ANE", "writes it everywhere, as every other project does"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const s of functions.flatMap((v) => v.f.body)) {
      if (argument(s, "name") === undefined)
        yield { title: `this \`${s.op}\` has no name`, span: s.span };
    }
  },
  workaround: "name each statement after its result",
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      if (f.body.every((s) => argument(s, "name") !== undefined)) return f;
      const body = f.body.map((s, i) => {
        if (argument(s, "name") !== undefined) return s;
        const name = { name: "name", value: stringValue(s.results[0]?.name ?? `${s.op}_${i}`) };
        return { ...s, attributes: [name, ...s.attributes] };
      });
      return { ...f, body };
    }),
  emulator: "accepts it",
  examples: { fires: text.replace('[name = string("y")]', ""), silent: text },
});
