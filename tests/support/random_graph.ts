/** Random graphs for property tests, grown op by op so that every one is well typed. */
import fc from "fast-check";
import { type Graph, leafName, makeGraph } from "../../compiler/ir/graph.ts";
import { type Node, newScope } from "../../compiler/ir/node.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { dim, sizesOf } from "../../compiler/ir/types.ts";
import { add } from "../../compiler/ops/add.ts";
import { attention } from "../../compiler/ops/attention.ts";
import { broadcast } from "../../compiler/ops/broadcast.ts";
import { causalMask } from "../../compiler/ops/causal_mask.ts";
import { constant, ONE } from "../../compiler/ops/define.ts";
import { div } from "../../compiler/ops/div.ts";
import { exp } from "../../compiler/ops/exp.ts";
import { input, param } from "../../compiler/ops/input.ts";
import { join } from "../../compiler/ops/join.ts";
import { matmul } from "../../compiler/ops/matmul.ts";
import { mul } from "../../compiler/ops/mul.ts";
import { neg } from "../../compiler/ops/neg.ts";
import { reduceMax } from "../../compiler/ops/reduce_max.ts";
import { reduceMean } from "../../compiler/ops/reduce_mean.ts";
import { reduceSum } from "../../compiler/ops/reduce_sum.ts";
import { relu } from "../../compiler/ops/relu.ts";
import { repeatHeads } from "../../compiler/ops/repeat_heads.ts";
import { reshape } from "../../compiler/ops/reshape.ts";
import { rmsNorm } from "../../compiler/ops/rms_norm.ts";
import { rope } from "../../compiler/ops/rope.ts";
import { rsqrt } from "../../compiler/ops/rsqrt.ts";
import { sigmoid } from "../../compiler/ops/sigmoid.ts";
import { silu } from "../../compiler/ops/silu.ts";
import { slice } from "../../compiler/ops/slice.ts";
import { softmax } from "../../compiler/ops/softmax.ts";
import { square } from "../../compiler/ops/square.ts";
import { sub } from "../../compiler/ops/sub.ts";
import { swiglu } from "../../compiler/ops/swiglu.ts";
import { tanh } from "../../compiler/ops/tanh.ts";
import type { Tensor } from "../../compiler/ops/tensor.ts";
import { swapLastTwo, transpose } from "../../compiler/ops/transpose.ts";
import { randomTensor, seeded } from "./samples.ts";

export interface GraphWithValues {
  readonly graph: Graph;
  readonly values: Map<string, Tensor>;
}

const [S, D, F, H, E] = [dim("S", 3), dim("D", 4), dim("F", 5), dim("H", 2), dim("E", 2)];

/** Steps that keep a value [S, D]; each gets a current value and another one of the same shape. */
const STEPS: readonly ((
  x: Node,
  other: Node,
  w: (name: string, ...dims: (typeof D)[]) => Node,
) => Node)[] = [
  (x, o) => add(x, o),
  (x, o) => sub(x, o),
  (x, o) => mul(x, o),
  (x) => mul(x, 1),
  (x) => add(0, x),
  (x) => div(x, 2),
  (x) => mul(mul(x, 0.5), 2),
  (x) => neg(neg(x)),
  (x, o) => add(x, neg(o)),
  (x) => tanh(x),
  (x) => sigmoid(x),
  (x) => silu(x),
  (x) => relu(x),
  (x, o) => mul(silu(x), o),
  (x, o) => swiglu(x, o),
  (x) => softmax(x),
  (x) => exp(mul(tanh(x), 0.5)),
  (x) => swapLastTwo(swapLastTwo(x)),
  (x, _o, w) => matmul(matmul(x, w("w1", D, F)), w("w2", F, D)),
  (x, _o, w) => matmul(x, swapLastTwo(w("w3", D, D))),
  (x, o) => matmul(matmul(x, swapLastTwo(o)), x),
  (x, _o, w) => rmsNorm(x, w("g", D), { eps: 1e-5 }),
  (x) => sub(x, reduceMean(x, { keep: true })),
  (x) => mul(x, reduceSum(x, { axes: [0] })),
  (x) =>
    join([slice(x, { axis: 0, from: 0, to: 1 }), slice(x, { axis: 0, from: 1, to: 3 })], {
      axis: 0,
    }),
  (x) => rope(x, { theta: 100 }),
  (x, o, w) => {
    const heads = (v: Node) => transpose(reshape(v, [S, H, E]), [1, 0, 2]);
    const kv = (v: Node) => repeatHeads(reshape(matmul(v, w("wk", D, E)), [dim("K", 1), S, E]), H);
    const scores = mul(matmul(heads(x), swapLastTwo(kv(o))), Math.SQRT1_2);
    const p = softmax(add(scores, causalMask(x.scope, S)));
    return reshape(transpose(matmul(p, kv(x)), [1, 0, 2]), [S, D]);
  },
  (x, o) => {
    const heads = (v: Node) => transpose(reshape(v, [S, H, E]), [1, 0, 2]);
    const y = attention(heads(x), heads(o), heads(x), { scale: 0.7, causal: false });
    return reshape(transpose(y, [1, 0, 2]), [S, D]);
  },
];

/** Graphs of up to a dozen steps on two inputs, with values for every leaf. */
export const graphWithValues: fc.Arbitrary<GraphWithValues> = fc
  .record({
    steps: fc.array(fc.record({ step: fc.nat(STEPS.length - 1), other: fc.nat(20) }), {
      minLength: 1,
      maxLength: 12,
    }),
    seed: fc.nat(1_000_000),
  })
  .map(({ steps, seed }) => {
    const scope = newScope();
    const random = seeded(seed);
    const params = new Map<string, Node>();
    const weight = (name: string, ...shape: (typeof D)[]): Node => {
      const made = params.get(name) ?? param(scope, name, { dtype: "f32", shape });
      params.set(name, made);
      return made;
    };
    const inputs = [0, 1].map((i) => input(scope, `x${i}`, { dtype: "f32", shape: [S, D] }));
    const values: Node[] = [...inputs];
    for (const { step, other } of steps) {
      const x = values[values.length - 1]!;
      const y = STEPS[step]!(x, values[other % values.length]!, weight);
      // Squashed, so that long chains neither overflow nor lose all precision.
      values.push(tanh(reshape(y, [S, D])));
    }
    const graph = makeGraph({
      name: "g",
      inputs,
      params: [...params.values()],
      outputs: [{ name: "y", node: values[values.length - 1]! }],
      scope,
    });
    const bound = new Map<string, Tensor>();
    for (const leaf of [...graph.inputs, ...graph.params]) {
      bound.set(leafName(leaf), randomTensor(sizesOf(leaf.type.shape), random, [-1, 1]));
    }
    return readable({ graph, values: bound });
  });

/** The same graphs with the sum of the result as a scalar loss. */
export const lossGraph: fc.Arbitrary<GraphWithValues> = graphWithValues.map(({ graph, values }) =>
  readable({
    graph: {
      ...graph,
      outputs: [{ name: "loss", node: reduceSum(graph.outputs[0]!.node, { axes: [0, 1] }) }],
    },
    values,
  }),
);

type Step = (x: Node, other: Node, w: Node) => Node;

/** Steps that keep a value [R, N], or [2, R, N]; `w` is [N]. */
const ROW_STEPS: readonly Step[] = [
  (x, o) => add(x, o),
  (x, o) => mul(x, o),
  (x, _o, w) => mul(x, w),
  (x, _o, w) => add(x, w),
  (x) => sub(x, reduceMean(x, { keep: true })),
  (x) => mul(x, rsqrt(add(reduceMean(square(x), { keep: true }), 1e-2))),
  (x, o) => mul(x, reduceMean(mul(x, o), { keep: true })),
  (x) => {
    const e = exp(sub(x, reduceMax(x, { keep: true })));
    return div(e, reduceSum(e, { keep: true }));
  },
  (x) => {
    const mean = reduceMean(x);
    return mul(x, sigmoid(reshape(mul(mean, mean), [...mean.type.shape, ONE])));
  },
  (x, o) => add(x, broadcast(reduceSum(mul(tanh(o), 0.1), { keep: true }), x.type.shape)),
  (x, o) => mul(silu(x), o),
  (x, o) => add(o, reduceMean(x, { axes: x.type.shape.slice(0, -1).map((_, i) => i), keep: true })),
  (x) => mul(x, reduceSum(x, { axes: [0] })),
  (x) => swapLastTwo(swapLastTwo(x)),
  (x) => tanh(reduceMax(x, { keep: true })),
];

/** Losses of elementwise ops and reductions over rows of lengths that are and are not whole vectors. */
export const rowGraph: fc.Arbitrary<GraphWithValues> = fc
  .record({
    lead: fc.constantFrom([3], [70], [2, 5], [1]),
    n: fc.constantFrom(2, 7, 8, 40, 515),
    steps: fc.array(
      fc.record({ step: fc.nat(ROW_STEPS.length - 1), x: fc.nat(2), other: fc.nat(20) }),
      { minLength: 1, maxLength: 8 },
    ),
    seed: fc.nat(1_000_000),
  })
  .map(({ lead, n, steps, seed }) => {
    const scope = newScope();
    const random = seeded(seed);
    const shape = [...lead, n].map((size) => dim(null, size));
    const params = [
      param(scope, "x", { dtype: "f32", shape }),
      param(scope, "w", { dtype: "f32", shape: shape.slice(-1) }),
    ];
    const inputs = [input(scope, "c", { dtype: "f32", shape })];
    const values: Node[] = [mul(params[0]!, inputs[0]!)];
    for (const { step, x, other } of steps) {
      const at = values[Math.max(0, values.length - 1 - x)]!;
      const y = ROW_STEPS[step]!(at, values[other % values.length]!, params[1]!);
      values.push(tanh(broadcast(y, shape)));
    }
    const last = mul(values[values.length - 1]!, params[1]!);
    const axes = shape.map((_, i) => i);
    const outputs = [{ name: "loss", node: reduceMean(last, { axes }) }];
    const graph = makeGraph({ name: "g", inputs, params, outputs, scope });
    const bound = new Map<string, Tensor>();
    for (const leaf of [...graph.inputs, ...graph.params])
      bound.set(leafName(leaf), randomTensor(sizesOf(leaf.type.shape), random, [-1, 1]));
    return readable({ graph, values: bound });
  });

/** Steps without a sum, a mean or a largest element in them. */
const ELEMENT_STEPS: readonly Step[] = [
  (x, o) => add(x, o),
  (x, o) => sub(x, o),
  (x, o) => add(mul(x, o), x),
  (x, o) => sub(o, mul(x, o)),
  (x, _o, w) => mul(x, w),
  (x, _o, w) => sub(mul(x, w), w),
  (x) => mul(silu(x), sigmoid(x)),
  (x, o) => mul(mul(x, o), sigmoid(o)),
  (x) => mul(x, broadcast(constant(x.scope, 1), x.type.shape)),
  (x) => neg(tanh(x)),
  (x, o) => div(x, add(square(o), 1)),
  (x) => swapLastTwo(swapLastTwo(x)),
];

/** Elementwise values of which several are outputs: what one pass computes and writes together. */
export const elementGraph: fc.Arbitrary<GraphWithValues> = fc
  .record({
    lead: fc.constantFrom([3], [70], [2, 5], [1]),
    n: fc.constantFrom(2, 8, 40, 515, 1030),
    steps: fc.array(
      fc.record({ step: fc.nat(ELEMENT_STEPS.length - 1), x: fc.nat(2), other: fc.nat(20) }),
      { minLength: 2, maxLength: 20 },
    ),
    outputs: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
    seed: fc.nat(1_000_000),
  })
  .map(({ lead, n, steps, outputs, seed }) => {
    const scope = newScope();
    const random = seeded(seed);
    const shape = [...lead, n].map((size) => dim(null, size));
    const inputs = [
      input(scope, "x", { dtype: "f32", shape }),
      input(scope, "y", { dtype: "f32", shape }),
      input(scope, "w", { dtype: "f32", shape: shape.slice(-1) }),
    ];
    const values: Node[] = [mul(inputs[0]!, inputs[1]!)];
    for (const { step, x, other } of steps) {
      const at = values[Math.max(0, values.length - 1 - x)]!;
      values.push(ELEMENT_STEPS[step]!(at, values[other % values.length]!, inputs[2]!));
    }
    const read = new Set([
      values[values.length - 1]!,
      ...outputs.map((i) => values[i % values.length]!),
    ]);
    const named = [...read].map((node, i) => ({ name: `y${i}`, node }));
    const graph = makeGraph({ name: "g", inputs, params: [], outputs: named, scope });
    const bound = new Map<string, Tensor>();
    for (const leaf of graph.inputs)
      bound.set(leafName(leaf), randomTensor(sizesOf(leaf.type.shape), random, [-1, 1]));
    return readable({ graph, values: bound });
  });

/** Counter-examples print as graph text. */
function readable(value: GraphWithValues): GraphWithValues {
  return Object.defineProperty(value, fc.toStringMethod, { value: () => printGraph(value.graph) });
}
