/** The two messages that the house style shows as examples, for programs that bring them about. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ShapeProblem } from "../../../compiler/ir/problem.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { faultDiagnostic } from "../../../dsl/faults.ts";
import { check } from "../../../dsl/index.ts";

/** Blank lines so that a statement stands on the line the example gives. */
const onLine = (line: number, before: string, rest: string): string =>
  before + "\n".repeat(line - before.split("\n").length) + rest;

const PATH = "dsl/models/llama.ane";

test("operands of @ that do not fit", () => {
  const head = `dims S = 256, D = 768, F = 2048
layer swiglu(x: [S, D]) -> [S, D] {
  param w1: [D, F]
  param w2: [F, D]
  param w3: [D, F]
  y = x @ w1 @ w2
`;
  const text = onLine(20, head, "  return (silu(x @ w1) * (x @ w3)) @ w3\n}\n");
  const errors = check({ path: PATH, text }).filter((d) => d.severity === "error");
  expect(renderDiagnostics(errors)).toMatchInlineSnapshot(`
    "error[E0301]: cannot multiply [S, F] by [D, F]

      dsl/models/llama.ane:20:10
            |
         20 |   return (silu(x @ w1) * (x @ w3)) @ w3
            |          ~~~~~~~~~~~~~~~~~~~~~~~~~   ~~
            |          [S 256, F 2048]             [D 768, F 2048]
            |
      \`@\` needs the last dimension on the left (F 2048) to equal the second-to-last
      on the right (D 768).

      help: \`w2\` is [F, D], which fits
            |
         20 |   return (silu(x @ w1) * (x @ w3)) @ w2
            |                                      ~~"
  `);
});

test("an unknown layer", () => {
  const head = "dims S = 256, D = 768, H = 2, K = 2, E = 4\nlayer block(x: [S, D]) -> [S, D] {\n";
  const text = onLine(24, head, "  x += attention(rmsnorm#attn(x))\n  return x\n}\n");
  expect(renderDiagnostics(check({ path: PATH, text }))).toMatchInlineSnapshot(`
    "error[E0203]: there is no op or layer named \`rmsnorm\`

      dsl/models/llama.ane:24:18
            |
         24 |   x += attention(rmsnorm#attn(x))
            |                  ~~~~~~~
            |
      help: did you mean \`rms_norm\`?"
  `);
});

test("an op given a number of operands it does not take", () => {
  const problem = new ShapeProblem("add", { kind: "arity", found: 3, expected: "2" });
  const message = renderDiagnostics([faultDiagnostic(problem, { operands: [], whole: undefined })]);
  expect(message).toBe("error[E0322]: `+` takes 2 operands, found 3");
});

test("the sample of the cases is the one of the language's design", () => {
  expect(readFileSync("tests/cases/language/sample.ane", "utf8")).toContain(
    "p = softmax(q @ share(k, H)' / sqrt(E) + causal(S))     // [H, S, S]",
  );
});
