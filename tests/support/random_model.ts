/** Random small transformers as text of the language, with values for their inputs and parameters. */
import fc from "fast-check";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { type Graph, leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { type Tensor, tensor } from "../../compiler/ops/tensor.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import type { SourceFile } from "../../compiler/support/source.ts";
import { elaborate } from "../../dsl/index.ts";
import { randomTensor, seeded } from "./samples.ts";

const POSITIONS = ["rope(NAME)", 'rope(NAME, pairing: "split")', "rope(NAME, theta: 50)", "NAME"];
const NORMS = ["rms_norm#q_norm(NAME)", "NAME"];
const FEED_FORWARD = [
  "(silu(x @ w1) * (x @ w3)) @ w2",
  "(gelu(x @ w1) * (x @ w3)) @ w2",
  "(square(relu(x @ w1)) + tanh(x @ w3)) @ w2",
  "(x @ w1 * sigmoid(x @ w1) * (x @ w3)) @ w2",
];
const HEADS = [
  "HIDDEN @ embed.weight'",
  "tanh(HIDDEN @ embed.weight' / 5) * 5",
  "HIDDEN @ head",
  "30 * tanh(HIDDEN @ head / 30)",
];
const RESIDUALS = [" * residual_scale", "", " / 2"];
/** One after the other, as most models have it, or both on the same input, as GPT-J has it. */
const STAGES = [
  "x += mix(rms_norm#one(x))SCALE\n  x += feed(rms_norm#two(x))SCALE",
  "x += (mix(rms_norm#one(x)) + feed(rms_norm#two(x)))SCALE",
];

export interface RandomModel {
  readonly source: SourceFile;
  readonly seed: number;
}

export const randomModel: fc.Arbitrary<RandomModel> = fc
  .record({
    S: fc.integer({ min: 1, max: 7 }),
    K: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 2 }),
    // Fewer elements make the norm nearly a sign, whose gradient is lost in fp32.
    D: fc.integer({ min: 4, max: 8 }),
    F: fc.integer({ min: 1, max: 7 }),
    V: fc.integer({ min: 2, max: 9 }),
    L: fc.constantFrom(1, 2, 2, 1, 3),
    position: fc.constantFrom(...POSITIONS),
    norm: fc.constantFrom(...NORMS),
    feed: fc.constantFrom(...FEED_FORWARD),
    head: fc.constantFrom(...HEADS),
    residual: fc.constantFrom(...RESIDUALS),
    stage: fc.constantFrom(...STAGES),
    isBiased: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    isRepeated: fc.integer({ min: 0, max: 7 }).map((n) => n > 0),
    seed: fc.nat(1_000_000),
  })
  .map((m) => {
    const bias = (name: string) => (m.isBiased ? ` + ${name}` : "");
    const biases = (sizes: Readonly<Record<string, string>>) =>
      Object.entries(m.isBiased ? sizes : {})
        .map(([name, size]) => `  param ${name}: [${size}] init zeros\n`)
        .join("");
    const query = m.isBiased ? "(x @ wq + bq)" : "x @ wq";
    const q = m.position.replace("NAME", m.norm.replace("NAME", `${query} as [H, S, E]`));
    const k = m.position.replace(
      "NAME",
      m.norm.replace("NAME", "x @ wk as [K, S, E]").replace("q_norm", "k_norm"),
    );
    const calls = Array.from({ length: m.L }, (_, i) => `  x = stage#s${i}(x)`);
    const layers = m.isRepeated ? "  repeat L { x = stage(x) }" : calls.join("\n");
    const untied = m.head.includes("@ head") ? "  param head: [D, V]\n" : "";
    const text = `dims S = ${m.S}, D = ${m.D}, K = ${m.K}, H = K * ${m.group}, E = ${2 * m.half}, F = ${m.F}, V = ${m.V}, L = ${m.L}

layer mix(x: [S, D]) -> [S, D] {
  param wq: [D, H*E]
  param wk: [D, K*E]
  param wv: [D, K*E]
  param wo: [H*E, D]
${biases({ bq: "H*E" })}  q = ${q}
  k = ${k}
  v = x @ wv as [K, S, E]
  p = softmax(q @ share(k, H)' / sqrt(E) + causal(S))
  return (p @ share(v, H) as [S, H*E]) @ wo
}

layer feed(x: [S, D]) -> [S, D] {
  param w1: [D, F]
  param w2: [F, D]
  param w3: [D, F]
${biases({ b1: "F", b2: "D" })}  return ${m.feed.replace("x @ w1)", `x @ w1${bias("b1")})`)}${bias("b2")}
}

layer stage(x: [S, D]) -> [S, D] {
  ${m.stage.replaceAll("SCALE", m.residual)}
  return x
}

model random(tokens: i32[S]) -> [S, V] {
${untied}  x = embed(tokens)
${layers}
  return ${m.head.replace("HIDDEN", "rms_norm#last(x)")}
}

train random(tokens: i32[S], targets: i32[S]) {
  loss cross_entropy(random(tokens), targets)
}
`;
    return readable({ source: { path: "random.ane", text }, seed: m.seed });
  });

/** Counter-examples print as the model's text. */
function readable(model: RandomModel): RandomModel {
  return Object.defineProperty(model, fc.toStringMethod, {
    value: () => `seed ${model.seed}\n${model.source.text}`,
  });
}

export function graphOf(
  source: SourceFile,
  kind: "model" | "train",
  overrides: Record<string, number> = {},
): Graph {
  return elaborate(source, { overrides })
    .entries.find((e) => e.kind === kind)!
    .graph();
}

/** Small weights, norm weights near 1, ids below the size of the embedding. */
export function valuesOf(graph: Graph, seed: number): Map<string, Tensor> {
  const random = seeded(seed);
  const table = graph.params.find((p) => leafName(p).startsWith("embed"));
  const vocabulary = table?.type.shape[0]?.size ?? 0;
  const values = new Map<string, Tensor>();
  for (const leaf of [...graph.params, ...graph.inputs]) {
    const sizes = sizesOf(leaf.type.shape);
    const name = leafName(leaf);
    const count = sizes.reduce((a, b) => a * b, 1);
    if (leaf.type.dtype === "i32") {
      values.set(
        name,
        tensor(
          sizes,
          Float64Array.from({ length: count }, () => Math.floor(random() * vocabulary)),
        ),
      );
    } else {
      values.set(name, randomTensor(sizes, random, sizes.length === 1 ? [0.5, 1.5] : [-0.6, 0.6]));
    }
  }
  return values;
}

/**
 * The derivative of the loss along a random direction of all parameters: by central differences, and by
 * the gradients.
 */
export function slopes(
  graph: Graph,
  values: ReadonlyMap<string, Tensor>,
  seed: number,
): { readonly byDifferences: number; readonly byGradients: number } {
  const direction = valuesOf(graph, seed);
  const h = 1e-5;
  const lossAt = (step: number): number => {
    const moved = new Map(values);
    for (const p of graph.params) {
      const [w, d] = [values.get(leafName(p))!, direction.get(leafName(p))!];
      const data = w.data.map((x, i) => x + step * d.data[i]!);
      moved.set(leafName(p), tensor(w.shape, data));
    }
    return interpret(graph, moved).get("loss")!.data[0]!;
  };
  const gradients = interpret(differentiate(graph), values);
  const byGradients = graph.params.reduce((sum, p) => {
    const d = direction.get(leafName(p))!.data;
    return sum + gradients.get(`grad.${leafName(p)}`)!.data.reduce((s, g, i) => s + g * d[i]!, 0);
  }, 0);
  return { byDifferences: (lossAt(h) - lossAt(-h)) / (2 * h), byGradients };
}
