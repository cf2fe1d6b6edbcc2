/** The `name` of a statement is unique. */
import { stringValue } from "../../mil/tree.ts";
import { assumed, defineFact, type Finding, reported } from "./define.ts";
import { fp16, program } from "./examples.ts";
import { mapFunctions } from "./rewrite.ts";
import { type MilView, text } from "./walk.ts";

const labelOf = (view: MilView, i: number): string | undefined =>
  text({ view, s: view.f.body[i]! }, "name");

export const labelNames = defineFact({
  id: "label_names",
  statement:
    "Statements carry a `name`, which tools use to find them again; two of one name are confused.",
  kind: "warn",
  evidence: [
    assumed(
      "sbryngelson/ANEForge MIL primer",
      "names are mandatory, so tools find statements by them",
    ),
    reported("maderix/ANE mil_dynamic.h", "the name may differ from that of the result, M4"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const view of functions) {
      const seen = new Set<string>();
      for (const [i, s] of view.f.body.entries()) {
        const name = labelOf(view, i);
        if (name === undefined) continue;
        if (seen.has(name)) yield { title: `two statements have the name "${name}"`, span: s.span };
        seen.add(name);
      }
    }
  },
  workaround: "name each statement after its result",
  fix: (c) =>
    mapFunctions(c, (view) => {
      const seen = new Set<string>();
      let changed = false;
      const body = view.f.body.map((s, i) => {
        const name = labelOf(view, i);
        const again = name !== undefined && seen.has(name);
        if (name !== undefined) seen.add(name);
        const own = s.results[0]?.name;
        if (!again || own === undefined) return s;
        changed = true;
        let label = own;
        for (let n = 1; seen.has(label); n++) label = `${own}_${n}`;
        seen.add(label);
        const attributes = s.attributes.map((a) =>
          a.name === "name" ? { name: "name", value: stringValue(label) } : a,
        );
        return { ...s, attributes };
      });
      return changed ? { ...view.f, body } : view.f;
    }),
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${fp16("h", [1, 64, 1, 32])} = relu(x = x)[name = string("op")];
       ${fp16("y", [1, 64, 1, 32])} = sigmoid(x = h)[name = string("op")];`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${fp16("h", [1, 64, 1, 32])} = relu(x = x)[name = string("h")];
       ${fp16("y", [1, 64, 1, 32])} = sigmoid(x = h)[name = string("y")];`,
    ),
  },
});
