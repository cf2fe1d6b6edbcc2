/** Surfaces are bound to ports in the alphabetical order of their names. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { mapFunctions } from "./rewrite.ts";
import { surface } from "./run_context.ts";

/** ASCII order: digits, capitals, `_`, small letters. */
const inOrder = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

const same = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.every((x, i) => x === b[i]);

export const portOrder = defineFact({
  id: "port_order",
  statement:
    "Surface i of a request belongs to the i-th input, and likewise output, in the ASCII order of the names; " +
    "the order in which the program declares or returns them does not count.",
  kind: "warn",
  evidence: [
    reported(
      "mechramc/Orion docs/ane_constraints.md",
      "all six orders of three inputs tried, M4 Max",
    ),
    reported("AmiraniLabs/libane docs/graph-ir.md", "names inputs so that they sort"),
    reported("maderix/h3.c-ane bridge header", "inputs of one shape swap their data silently, M4"),
    reported("joshuarossi/mlx-bun", "lists surfaces by sorted name and runs in production, M4 Pro"),
    reported(
      "joshuaswarren/mil-hwx-compiler naming probes",
      "surfaces in ascending order of names from H16 on",
    ),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      for (const [role, list] of [
        ["inputs", f.inputs],
        ["outputs", f.outputs],
      ] as const) {
        const sorted = inOrder<{ readonly name: string }>(list);
        if (same(sorted, list)) continue;
        const names = sorted.map((p) => p.name).join(", ");
        yield {
          title: `the ${role} of \`${f.name}\` are bound in the order ${names}`,
          span: list[0]?.span,
        };
      }
    }
  },
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const role of ["input", "output"] as const) {
      const list = surfaces.filter((s) => s.role === role).map((s) => ({ name: s.port }));
      const sorted = inOrder(list);
      if (same(sorted, list)) continue;
      yield {
        title: `${role} surfaces are listed as ${list.map((s) => s.name).join(", ")} and bound as ${sorted.map((s) => s.name).join(", ")}`,
      };
    }
  },
  workaround:
    "bind surfaces by sorted name, or declare and return ports in the order of their names",
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      const [inputs, outputs] = [inOrder(f.inputs), inOrder(f.outputs)];
      return same(inputs, f.inputs) && same(outputs, f.outputs) ? f : { ...f, inputs, outputs };
    }),
  emulator:
    "binds by sorted name, so a wrong order gives wrong numbers or a size error as on the device",
  examples: {
    fires: program(
      `${fp16("x", [1, 64, 1, 32])}, ${fp16("W", [1, 64, 1, 32])}`,
      line("y", [1, 64, 1, 32], "sub(x = x, y = W)"),
    ),
    silent: {
      chip: "m4",
      surfaces: [surface("a", "input", [1, 8, 1, 32]), surface("b", "input", [1, 8, 1, 32])],
    },
  },
});
