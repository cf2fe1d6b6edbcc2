/**
 * Layers nobody wrote a kernel for, from their equations, against kernels written by hand; and the same
 * equations run op by op. All run in turns, in one process on one thread; times are the processor's. The goal
 * is within 2x of the kernel written by hand.
 *
 *     npm run build && node dist/bench/fused_layer.js
 *
 * The kernel is a host kernel of the runtime where one computes the same; otherwise one of
 * `fused_kernels/layers.h`, on the same memory. Results of both are compared before anything is timed.
 */
import { median } from "../cli/bench/workload.ts";
import { jsonLine } from "../cli/output.ts";
import { makeGraph } from "../compiler/ir/graph.ts";
import { invariant } from "../compiler/support/bug.ts";
import { elaborate } from "../dsl/index.ts";
import { lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import { openSession } from "../training/host_session.ts";
import { createRandom } from "../training/random.ts";
import { fusedKernels } from "./fused_kernels.ts";
import type { FusedLayer } from "./fused_layers.ts";

const [ROWS, N] = [512, 1024];

const TEXT = `
dims S = ${ROWS}, D = ${N}

layer rms(x: [S, D], w: [D]) -> [S, D] {
  return x * rsqrt(mean(x * x, keep: "yes") + 0.00001) * w
}

layer norm(x: [S, D], w: [D], b: [D]) -> [S, D] {
  c = x - mean(x, keep: "yes")
  return c * rsqrt(mean(c * c, keep: "yes") + 0.00001) * w + b
}

layer soft(x: [S, D]) -> [S, D] {
  e = exp(x - max(x, keep: "yes"))
  return e / sum(e, keep: "yes")
}

layer gated(x: [S, D], u: [S, D]) -> [S, D] {
  return x * sigmoid(x) * u
}

layer gelu_tanh(x: [S, D]) -> [S, D] {
  return 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
}

layer residual(x: [S, D], g: [S, D], f: [S, D]) -> [S, D] {
  return x + sigmoid(g) * f
}

model rms_forward(x: [S, D], w: [D]) -> [S, D] { return rms(x, w) }
model rms_kernel(x: [S, D], w: [D]) -> [S, D] { return op.rms_norm(x, w, eps: 0.00001) }
model norm_forward(x: [S, D], w: [D], b: [D]) -> [S, D] { return norm(x, w, b) }
model soft_forward(x: [S, D]) -> [S, D] { return soft(x) }
model soft_kernel(x: [S, D]) -> [S, D] { return softmax(x) }
model swiglu_forward(x: [S, D], u: [S, D]) -> [S, D] { return gated(x, u) }
model gelu_forward(x: [S, D]) -> [S, D] { return gelu_tanh(x) }
model residual_forward(x: [S, D], g: [S, D], f: [S, D]) -> [S, D] { return residual(x, g, f) }

train rms_backward(dy: [S, D]) {
  param x: [S, D]
  param w: [D]
  loss sum(sum(rms(x, w) * dy))
}

train rms_kernel_backward(dy: [S, D]) {
  param x: [S, D]
  param w: [D]
  loss sum(sum(op.rms_norm(x, w, eps: 0.00001) * dy))
}

train norm_backward(dy: [S, D]) {
  param x: [S, D]
  param w: [D]
  param b: [D]
  loss sum(sum(norm(x, w, b) * dy))
}

train soft_backward(dy: [S, D]) {
  param x: [S, D]
  loss sum(sum(soft(x) * dy))
}

train soft_kernel_backward(dy: [S, D]) {
  param x: [S, D]
  loss sum(sum(softmax(x) * dy))
}

train swiglu_backward(dy: [S, D]) {
  param x: [S, D]
  param u: [S, D]
  loss sum(sum(gated(x, u) * dy))
}

train gelu_backward(dy: [S, D]) {
  param x: [S, D]
  loss sum(sum(gelu_tanh(x) * dy))
}

train residual_backward(dy: [S, D]) {
  param x: [S, D]
  param g: [S, D]
  param f: [S, D]
  loss sum(sum(residual(x, g, f) * dy))
}
`;

interface Pair {
  readonly name: string;
  readonly layer: string;
  /** A program of the same meaning that is host kernels, or a layer by hand with its arrays. */
  readonly against: string | readonly [layer: string, ...arrays: string[]];
}

/** What is measured, and the kernels it is measured against. */
const PAIRS: readonly Pair[] = [
  { name: "RMSNorm", layer: "rms_forward", against: "rms_kernel" },
  { name: "RMSNorm, gradients", layer: "rms_backward", against: "rms_kernel_backward" },
  {
    name: "layer norm",
    layer: "norm_forward",
    against: ["layer_norm", "input.x", "input.w", "input.b", "out"],
  },
  {
    name: "layer norm, gradients",
    layer: "norm_backward",
    against: [
      ...(["layer_norm_gradients", "param.x", "param.w", "input.dy"] as const),
      ...["grad.x", "grad.w", "grad.b"],
    ],
  },
  { name: "softmax", layer: "soft_forward", against: "soft_kernel" },
  { name: "softmax, gradient", layer: "soft_backward", against: "soft_kernel_backward" },
  {
    name: "SwiGLU",
    layer: "swiglu_forward",
    against: ["swiglu", "input.x", "input.u", "out"],
  },
  {
    name: "SwiGLU, gradients",
    layer: "swiglu_backward",
    against: ["swiglu_gradients", "param.x", "param.u", "input.dy", "grad.x", "grad.u"],
  },
  { name: "GELU", layer: "gelu_forward", against: ["gelu", "input.x", "out"] },
  {
    name: "GELU, gradient",
    layer: "gelu_backward",
    against: ["gelu_gradient", "param.x", "input.dy", "grad.x"],
  },
  {
    name: "gated residual",
    layer: "residual_forward",
    against: ["gated_residual", "input.x", "input.g", "input.f", "out"],
  },
  {
    name: "gated residual, gradients",
    layer: "residual_backward",
    against: [
      ...(["gated_residual_gradients", "param.g", "param.f", "input.dy"] as const),
      ...["grad.x", "grad.g", "grad.f"],
    ],
  },
];

const TURNS = 100;

/** Programs by name: each entry, and each again op by op as `NAME.apart`. */
function openPrograms() {
  const { entries } = elaborate({ path: "fused_layer.ane", text: TEXT });
  const plan = newPlan();
  for (const entry of entries) {
    const isLoss = /backward$/.test(entry.name);
    if (!isLoss && !/_(forward|kernel)$/.test(entry.name)) continue;
    const { graph: whole } = runPasses(entry.graph(), isLoss ? pipelines.train : pipelines.infer);
    const outputs = isLoss ? whole.outputs.filter((o) => o.name !== "loss") : whole.outputs;
    const graph = makeGraph({ ...whole, outputs });
    for (const [suffix, rows] of [
      ["", {}],
      [".apart", { leastRow: Number.POSITIVE_INFINITY }],
    ] as const) {
      const name = entry.name + suffix;
      lowerToHost(plan, { name, graph, outputStorage: (o) => `${name}.${o}`, ...rows });
    }
  }
  return finishPlan(plan);
}

/** Where a result may differ by this much of the largest number in it, for sums in another order. */
const TOLERANCE = 1e-4;

function expectSame(name: string, ours: readonly Float32Array[], theirs: readonly Float32Array[]) {
  for (const [i, x] of ours.entries()) {
    const largest = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const worst = x.reduce((most, v, k) => Math.max(most, Math.abs(v - theirs[i]![k]!)), 0);
    invariant(worst <= TOLERANCE * largest, `${name}: result ${i} differs by ${worst}`);
  }
}

function main(): void {
  const built = openPrograms();
  const session = openSession(built, { threads: 1 });
  const runFused = fusedKernels();
  try {
    const random = createRandom(1);
    for (const { name, arena, dtype } of built.plan.buffers)
      if (arena === "state" && dtype === "f32" && /^(input|param)\./.test(name))
        random.fillUniform(session.f32(name), 1);
    const storages = built.plan.buffers.map((b) => b.name);
    /** Results of a program, in the order of their names. */
    const resultsOf = (program: string): Float32Array[] =>
      storages
        .filter((s) => s.startsWith(`${program}.`) && !s.startsWith(`${program}.apart.`))
        .sort()
        .map((s) => session.f32(s));
    const timed = (run: () => void): number => {
      const start = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    for (const { name, layer, against } of PAIRS) {
      const byHand = (): void => {
        if (typeof against === "string") {
          session.run(against);
          return;
        }
        const [kernel, ...arrays] = against;
        const ofLayer = (array: string) =>
          /^(input|param)\./.test(array) ? array : `${layer}.${array}`;
        runFused(kernel, ROWS, N, ...arrays.map((array) => session.f32(ofLayer(array))));
      };
      const runs = [() => session.run(layer), byHand, () => session.run(`${layer}.apart`)];
      runs[0]!();
      const ours = resultsOf(layer).map((x) => x.slice());
      byHand();
      expectSame(name, ours, resultsOf(typeof against === "string" ? against : layer));
      runs[2]!();
      expectSame(name, ours, resultsOf(`${layer}.apart`));

      const times = runs.map((): number[] => []);
      for (let turn = 0; turn < TURNS; turn++)
        for (const [i, run] of runs.entries()) times[i]!.push(timed(run));
      const [ms, kernelMs, apartMs] = times.map((list) => median(list)) as [number, number, number];
      const measured: FusedLayer = {
        ...{ name, against: typeof against === "string" ? "its kernel" : "by hand" },
        ...{ ms, kernelMs, apartMs, ratio: ms / kernelMs, apart: apartMs / kernelMs },
      };
      process.stdout.write(jsonLine(measured));
    }
  } finally {
    session.close();
  }
}

main();
