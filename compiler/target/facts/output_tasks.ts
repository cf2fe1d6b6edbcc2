/** Many outputs. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

const text = (count: number): string => {
  const names = Array.from({ length: count }, (_, i) => `y${i}`);
  const body = names.map((name) => line(name, [1, 64, 1, 32], "relu(x = x)"));
  return program(fp16("x", [1, 64, 1, 32]), body.join("\n"), names.join(", "));
};

export const outputTasks = defineFact({
  id: "output_tasks",
  statement:
    "A task reads at most two tensors from memory and writes one; each further output is at least one more task.",
  kind: "cost",
  evidence: [
    reported("751K M6 study", "compiled programs read, M4 and M6; a + b + c is two tasks"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      if (f.outputs.length > 4)
        yield {
          title: `function \`${f.name}\` has ${f.outputs.length} outputs`,
          span: f.outputs[4]!.span,
        };
    }
  },
  workaround: "join outputs with `concat` along the channels",
  emulator: "counts a task for each output",
  examples: { fires: text(6), silent: text(2) },
});
