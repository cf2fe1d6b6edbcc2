/**
 * Layers nobody wrote a kernel for, from their equations, against kernels written by hand; and the same
 * equations run op by op. All run in turns, in one process on one thread; times are the processor's. The goal
 * is within 2x of the hand-written kernel.
 *
 *     npm run build && node dist/bench/fused_layer.js
 *
 * Where no kernel computes the same, one that does less stands in: the root-mean-square norm for layer norm,
 * and softmax, which takes one exponential an element as well, for SwiGLU.
 */
import { median } from "../cli/bench/workload.ts";
import { jsonLine } from "../cli/output.ts";
import { makeGraph } from "../compiler/ir/graph.ts";
import { elaborate } from "../dsl/index.ts";
import { lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import { openSession } from "../training/host_session.ts";
import { createRandom } from "../training/random.ts";

const TEXT = `
dims S = 512, D = 1024

layer rms(x: [S, D], w: [D]) -> [S, D] {
  return x * rsqrt(mean(x * x, keep: "yes") + 0.00001) * w
}

layer norm(x: [S, D], w: [D]) -> [S, D] {
  c = x - mean(x, keep: "yes")
  return c * rsqrt(mean(c * c, keep: "yes") + 0.00001) * w
}

layer soft(x: [S, D]) -> [S, D] {
  e = exp(x - max(x, keep: "yes"))
  return e / sum(e, keep: "yes")
}

layer gated(g: [S, D], u: [S, D]) -> [S, D] {
  return g * sigmoid(g) * u
}

model rms_forward(x: [S, D], w: [D]) -> [S, D] { return rms(x, w) }
model rms_kernel(x: [S, D], w: [D]) -> [S, D] { return op.rms_norm(x, w, eps: 0.00001) }
model norm_forward(x: [S, D], w: [D]) -> [S, D] { return norm(x, w) }
model soft_forward(x: [S, D]) -> [S, D] { return soft(x) }
model soft_kernel(x: [S, D]) -> [S, D] { return softmax(x) }
model swiglu_forward(x: [S, D], u: [S, D]) -> [S, D] { return gated(x, u) }

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
`;

/** What is measured, and the kernels it is measured against. */
const PAIRS = [
  { name: "RMSNorm", layer: "rms_forward", against: "rms_kernel" },
  { name: "RMSNorm, gradients", layer: "rms_backward", against: "rms_kernel_backward" },
  { name: "layer norm", layer: "norm_forward", against: "rms_kernel" },
  { name: "softmax", layer: "soft_forward", against: "soft_kernel" },
  { name: "softmax, gradient", layer: "soft_backward", against: "soft_kernel_backward" },
  { name: "SwiGLU", layer: "swiglu_forward", against: "soft_kernel" },
  { name: "SwiGLU, gradients", layer: "swiglu_backward", against: "soft_kernel_backward" },
] as const;

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

function main(): void {
  const built = openPrograms();
  const session = openSession(built, { threads: 1 });
  try {
    const random = createRandom(1);
    for (const { name, arena, dtype } of built.plan.buffers)
      if (arena === "state" && dtype === "f32" && /^(input|param)\./.test(name))
        random.fillUniform(session.f32(name), 1);
    const timed = (program: string): number => {
      const start = process.cpuUsage();
      session.run(program);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    const results = PAIRS.map(({ name, layer, against }) => {
      const programs = [layer, against, `${layer}.apart`];
      const times = programs.map((): number[] => []);
      for (let turn = 0; turn < TURNS; turn++)
        for (const [i, program] of programs.entries()) times[i]!.push(timed(program));
      const [ms, kernelMs, apartMs] = times.map((list) => median(list));
      return {
        name,
        against,
        ms,
        kernelMs,
        apartMs,
        ratio: ms! / kernelMs!,
        apart: apartMs! / kernelMs!,
      };
    });
    for (const result of results) process.stdout.write(jsonLine(result));
  } finally {
    session.close();
  }
}

main();
