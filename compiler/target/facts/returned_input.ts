/** An input cannot be an output as it is. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { type Emitter, emitter, freshNames, mapFunctions, nameValue } from "./rewrite.ts";
import type { MilView } from "./walk.ts";

interface Copy {
  readonly op: "identity" | "read_state";
  readonly type: Parameters<Emitter["add"]>[1];
  readonly args: Parameters<Emitter["add"]>[2];
}

/** The op that copies an input, and the type of the copy; undefined for what no op copies. */
function copyOf(view: MilView, name: string): Copy | undefined {
  const type = view.types.get(name);
  const inner = type?.kind === "state" ? type.of : type;
  if (inner?.kind !== "tensor" && inner?.kind !== "scalar") return undefined;
  const { element } = inner;
  const shape = inner.kind === "tensor" ? inner.shape : [];
  const input = nameValue(name);
  return type?.kind === "state"
    ? { op: "read_state", args: { input }, type: { element, shape } }
    : { op: "identity", args: { x: input }, type: { element, shape } };
}

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
  workaround: "return `identity(x = …)`, and of a state `read_state(input = …)`",
  // The output gets a name of its own.
  fix: (c) =>
    mapFunctions(c, (view) => {
      const { f, inputs } = view;
      const returned = f.outputs.filter((o) => inputs.has(o.name)).map((o) => o.name);
      const copied = new Map<string, Copy>();
      for (const name of returned) {
        const copy = copyOf(view, name);
        if (copy !== undefined) copied.set(name, copy);
      }
      if (copied.size === 0) return f;
      const fresh = freshNames(f);
      const { emit, statements } = emitter(fresh);
      const names = new Map<string, string>();
      for (const [name, { op, type, args }] of copied) {
        names.set(name, fresh(`${name}_out`));
        emit.add(op, type, args, names.get(name));
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
