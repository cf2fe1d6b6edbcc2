import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Node } from "../../../compiler/ir/node.ts";
import { printGraph } from "../../../compiler/ir/print.ts";
import { dim } from "../../../compiler/ir/types.ts";
import { add } from "../../../compiler/ops/add.ts";
import { crossEntropy } from "../../../compiler/ops/cross_entropy.ts";
import { div } from "../../../compiler/ops/div.ts";
import { embedding } from "../../../compiler/ops/embedding.ts";
import { matmul } from "../../../compiler/ops/matmul.ts";
import { mul } from "../../../compiler/ops/mul.ts";
import { reshape } from "../../../compiler/ops/reshape.ts";
import { rmsNorm } from "../../../compiler/ops/rms_norm.ts";
import { rope } from "../../../compiler/ops/rope.ts";
import { silu } from "../../../compiler/ops/silu.ts";
import { softmax } from "../../../compiler/ops/softmax.ts";
import { swapLastTwo } from "../../../compiler/ops/transpose.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { Builder, check, elaborate, layer, model, rearrange, share } from "../../../dsl/index.ts";

/** The sample of the language page, written in TypeScript. */
const llama = () =>
  model(
    "llama",
    (b) => {
      const [S, D, H, K] = [b.dim("S", 128), b.dim("D", 512), b.dim("H", 8), b.dim("K", 2)];
      const [E, F, V] = [b.dim("E", 64), b.dim("F", 1408), b.dim("V", 49152)];
      const times = (x: typeof H, y: typeof H) => ({
        factors: [...x.factors, ...y.factors],
        size: x.size * y.size,
      });
      const [HE, KE] = [times(H, E), times(K, E)];
      const residualScale = 1 / Math.sqrt(8);

      const norm = layer("rms_norm", (b, x: Node) =>
        rmsNorm(x, b.param("weight", [D]), { eps: 1e-5 }),
      );

      const attention = layer("attention", (b, x: Node) => {
        const wq = b.param("wq", [D, HE]);
        const wk = b.param("wk", [D, KE]);
        const wv = b.param("wv", [D, KE]);
        const wo = b.param("wo", [HE, D]);
        const q = rope(rearrange(matmul(x, wq), [H, S, E]), { theta: 10000 });
        const k = rope(rearrange(matmul(x, wk), [K, S, E]), { theta: 10000 });
        const v = rearrange(matmul(x, wv), [K, S, E]);
        const scores = div(matmul(q, swapLastTwo(share(k, H))), 8);
        const p = softmax(add(scores, b.causal(S)));
        return matmul(rearrange(matmul(p, share(v, H)), [S, HE]), wo);
      });

      const swiglu = layer("swiglu", (b, x: Node) => {
        const w1 = b.param("w1", [D, F]);
        const w3 = b.param("w3", [D, F]);
        const bound = residualScale / Math.sqrt(F.size);
        const w2 = b.param("w2", [F, D], { kind: "uniform", value: bound });
        return matmul(mul(silu(matmul(x, w1)), matmul(x, w3)), w2);
      });

      const block = layer("block", (b, x: Node) => {
        const a = add(x, mul(b.call(attention, b.callAs("attn", norm, x)), residualScale));
        return add(a, mul(b.call(swiglu, b.callAs("ffn", norm, a)), residualScale));
      });

      const tokens = b.input("tokens", [S], "i32");
      const targets = b.input("targets", [S], "i32");
      let x = b.scope("embed", () =>
        embedding(b.param("weight", [V, D], { kind: "uniform", value: 0.02 }), tokens),
      );
      b.repeat(4, () => {
        x = b.call(block, x);
      });
      const logits = matmul(b.call(norm, x), swapLastTwo(b.parameter("embed.weight")!));
      return crossEntropy(logits, targets);
    },
    { output: "loss" },
  );

test("the sample in TypeScript and in text are one graph", () => {
  const text = readFileSync("tests/cases/language/sample.ane", "utf8");
  const train = elaborate({ path: "sample.ane", text }).entries.at(-1)!;
  expect(printGraph(llama())).toBe(printGraph(train.graph()));
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return renderDiagnostics(error.diagnostics);
    throw error;
  }
  return "no error";
}

test("mistakes in a builder are messages without a place", () => {
  const [S, D] = [dim("S", 4), dim("D", 8)];
  expect(
    messageOf(() => model("m", (b) => matmul(b.input("x", [S, D]), b.input("y", [S, D])))),
  ).toMatchInlineSnapshot(`
    "error[E0301]: cannot multiply [S, D] by [S, D]

      \`@\` needs the last dimension on the left (D 8) to equal the second-to-last on
      the right (S 4)."
  `);
  expect(
    messageOf(() => model("m", (b) => reshape(b.input("x", [S, D]), [D, D]))),
  ).toMatchInlineSnapshot(`"error[E0323]: [S, D] and [D, D] do not hold the same elements"`);
  expect(
    messageOf(() => model("m", (b) => rearrange(b.input("x", [S, D]), [S, S]))),
  ).toMatchInlineSnapshot(`
    "error[E0307]: [S, D] cannot be arranged as [S, S]

      The value has D 8, which [S, S] does not list. [S, S] lists S 4, which the
      value does not have."
  `);
  expect(
    messageOf(() => model("m", (b) => add(b.param("w", [S]), b.param("w", [S])))),
  ).toMatchInlineSnapshot(`"error[E0205]: parameter \`w\` is defined twice"`);
  expect(messageOf(() => new Builder().dim("S", 0))).toMatchInlineSnapshot(
    `"error[E0313]: dimension \`S\` is 0, but dimensions start at 1"`,
  );
  expect(messageOf(() => new Builder().repeat(0, () => undefined))).toMatchInlineSnapshot(
    `"error[E0315]: \`repeat\` needs a whole number from 1 to 10000, found 0"`,
  );
});

test("arranging back and forth gives the value itself where nothing moved", () => {
  const b = new Builder();
  const [S, H, E] = [b.dim("S", 4), b.dim("H", 2), b.dim("E", 4)];
  const HE = { factors: [...H.factors, ...E.factors], size: 8 };
  const x = b.input("x", [S, HE]);
  expect(rearrange(x, [S, HE])).toBe(x);
  expect(rearrange(rearrange(x, [H, S, E]), [S, HE]).type.shape).toEqual([S, HE]);
  expect(rearrange(x, [dim(null, 1), S, HE]).type.shape).toHaveLength(3);
});

test("heads that are as many as wanted are only renamed", () => {
  const b = new Builder();
  const [H, K, S] = [b.dim("H", 4), b.dim("K", 4), b.dim("S", 3)];
  const k = b.input("k", [K, S]);
  expect(share(k, K)).toBe(k);
  expect(share(k, H).op.name).toBe("reshape");
});

test("a parameter of a model cannot be named like an argument of its train", () => {
  const text = `dims S = 4, D = 8
model m(x: [S, D]) -> [S, D] {
  param y: [D]
  return x * y
}
train m(x: [S, D], y: [S, D]) { loss mean(mean(square(m(x) - y))) }
`;
  const { code, labels } = check({ path: "a.ane", text })[0]!;
  expect([code, labels[0]?.span.start]).toEqual(["E0205", text.indexOf("y: [D]")]);
});
