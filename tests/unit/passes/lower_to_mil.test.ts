/** Corners of the MIL lowering: nested repeats, names that collide, numbers beyond fp16. */
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { tensor } from "../../../compiler/ops/tensor.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { elaborate } from "../../../dsl/index.ts";
import { compile } from "../../../index.ts";
import { repeatedCall } from "../../../passes/ane/roles.ts";
import { worstError } from "../../support/close.ts";
import { valuesOf } from "../../support/random_model.ts";
import { runBundle } from "../../support/run_bundle.ts";

const graphOf = (text: string) => elaborate({ path: "a.ane", text }).entries.at(-1)!.graph();

test.each([
  ["block.3.attn", "block.3"],
  ["f.0.1", "f.0.1"],
  ["f.0.1.inner.2", "f.0.1"],
  ["embed", undefined],
  ["", undefined],
])("the layer of %s is %s", (path, layer) => {
  expect(repeatedCall(path)).toBe(layer);
});

test("nested repeats become one program with as many calls as layers", () => {
  const graph = graphOf(`dims S = 4, D = 8, V = 16, L = 2, N = 3
layer f(x: [S, D]) -> [S, D] {
  param w: [D, D]
  return x @ w
}
model nest(tokens: i32[S]) -> [S, V] {
  x = embed(tokens)
  repeat L { repeat N { x = f(x) } }
  return x @ embed.weight'
}
`);
  const made = compile(graph, { target: "ane" });
  expect(made.bundle.manifest.programs.map((p) => [p.name, p.calls])).toEqual([
    ["layer_fwd", 6],
    ["head", 1],
  ]);
  const values = valuesOf(graph, 1);
  const found = runBundle(made, values).get("out")!;
  const expected = interpret(graph, values).get("out")!;
  expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-9);
});

test("parameters called like ports or like words of MIL", () => {
  const graph = graphOf(`dims S = 4, D = 8
layer f(x: [S, D]) -> [S, D] {
  param x0: [D, D]
  param y: [D]
  param tensor: [D]
  return x @ x0 * y + tensor
}
`);
  const made = compile(graph, { target: "ane" });
  const values = new Map(
    [...graph.inputs, ...graph.params].map((leaf, n) => {
      const shape = leaf.type.shape.map((d) => d.size);
      const count = shape.reduce((a, b) => a * b, 1);
      return [
        leafName(leaf),
        tensor(
          shape,
          Float64Array.from({ length: count }, (_, i) => Math.sin(i + n)),
        ),
      ];
    }),
  );
  const found = runBundle(made, values).get("out")!;
  const expected = interpret(graph, values).get("out")!;
  expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-9);
});

test.each([100000, 7e9, 1e-6, -3e-12])("a factor of %s keeps its value", (factor) => {
  const graph = graphOf(`dims S = 4
layer f(x: [S]) -> [S] {
  return tanh(x) * ${factor}
}
`);
  const made = compile(graph, { target: "ane" });
  const values = new Map([["x", tensor([4], [0.1, -0.2, 0.3, 4])]]);
  const found = runBundle(made, values).get("out")!;
  for (const [i, x] of interpret(graph, values).get("out")!.data.entries()) {
    expect(Math.abs(found[i]! - x)).toBeLessThan(1e-12 * Math.abs(x));
  }
});

test("a sum with a number that fp16 cannot hold is an error with its place", () => {
  const graph = graphOf("dims S = 4\nlayer f(x: [S]) -> [S] {\n  return x + 100000\n}\n");
  let shown = "";
  try {
    compile(graph, { target: "ane" });
  } catch (error) {
    shown = error instanceof UserError ? renderDiagnostics(error.diagnostics) : String(error);
  }
  expect(shown).toContain(
    "error[E0597]: the constant 100000 does not fit fp16, which ends at 65,504",
  );
  expect(shown).toContain("a.ane:3:");
});
