/** An input cannot be an output as it is. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { emitter, freshNames, mapFunctions, nameValue } from "./rewrite.ts";
import { tensorOf } from "./walk.ts";

export const returnedInput = defineFact({
  id: "returned_input",
  statement: "An input cannot be returned directly: an output is the result of an op.",
  kind: "reject",
  evidence: [
    reported(
      "mechramc/Orion README",
      "returned names must be live results; routes through `identity`",
    ),
    reported("jafreck/ironmill ane_op_eval", "`identity` of an input is exact, M3 Pro"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f, inputs } of functions) {
      for (const { name, span } of f.outputs) {
        if (inputs.has(name))
          yield { title: `function \`${f.name}\` returns its input \`${name}\``, span };
      }
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "return `identity(x = …)`",
  // The output gets a name of its own.
  fix: (c) =>
    mapFunctions(c, (view) => {
      const { f, inputs } = view;
      const returned = f.outputs.filter((o) => inputs.has(o.name)).map((o) => o.name);
      if (returned.length === 0) return f;
      const fresh = freshNames(f);
      const { emit, statements } = emitter(fresh);
      const names = new Map(returned.map((name) => [name, fresh(`${name}_out`)]));
      for (const [name, out] of names) {
        const type = tensorOf(view.types.get(name));
        if (type !== undefined) emit.add("identity", type, { x: nameValue(name) }, out);
      }
      const outputs = f.outputs.map((o) => ({ ...o, name: names.get(o.name) ?? o.name }));
      return { ...f, body: [...f.body, ...statements], outputs };
    }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"), "x, y"),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
