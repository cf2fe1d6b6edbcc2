/**
 * A micro-step of training on the `cpu` device, as a share of the SGEMM rate of the machine.
 *
 *     npm run build && node dist/bench/step.js [model] [vocabulary] [blas]
 *
 * Generated tokens; 16,893 active ids unless said otherwise. FLOPs are the model's: 6 for each weight of
 * a product and token, and 12·S²·H·E for each layer's attention, masked or not. Steps and products are
 * measured in turns, since the machine may be shared; medians are printed.
 */
import { leafName } from "../compiler/ir/graph.ts";
import { elementCount } from "../compiler/ir/types.ts";
import { elaborate, loadModel } from "../dsl/index.ts";
import { inputStorage, paramStorage } from "../passes/lower_to_host.ts";
import { measureGemm } from "../runtime-native/js/index.ts";
import { openSession } from "../training/host_session.ts";
import { trainingPlan } from "../training/programs.ts";
import { createRandom } from "../training/random.ts";

const ROUNDS = 5;
const STEPS = 5;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function main(): void {
  const [name = "autoresearch", vocabulary = "16893", blas = "auto"] = process.argv.slice(2);
  const { entries, dims } = elaborate(loadModel(name), { overrides: { V: Number(vocabulary) } });
  const graph = entries.find((e) => e.kind === "train")!.graph();
  const session = openSession(trainingPlan(graph), { blas });
  const random = createRandom(42);
  for (const p of graph.params) random.fillUniform(session.f32(paramStorage(leafName(p))), 0.02);
  for (const leaf of graph.inputs) {
    const ids = session.i32(inputStorage(leafName(leaf)));
    for (const i of ids.keys()) ids[i] = random.uniformIndex(Number(vocabulary));
  }

  const [S, H, E, L] = ["S", "H", "E", "L"].map((d) => dims.get(d)!) as [
    number,
    number,
    number,
    number,
  ];
  const matrices = graph.params.filter((p) => p.type.shape.length === 2);
  const weights = matrices.reduce((n, p) => n + elementCount(p.type.shape), 0);
  const gflop = (6 * weights * S + 12 * S * S * H * E * L) / 1e9;

  const steps: number[] = [];
  const updates: number[] = [];
  const products: number[] = [];
  session.run("micro_step", { first: true });
  for (let round = 0; round < ROUNDS; round++) {
    for (let step = 0; step < STEPS; step++) {
      const start = performance.now();
      session.run("micro_step", { first: step === 0 });
      steps.push(performance.now() - start);
    }
    const start = performance.now();
    session.run("norm");
    session.run("update");
    updates.push(performance.now() - start);
    products.push(measureGemm({ m: 2048, n: 2048, k: 2048, seconds: 0.3, blas }));
  }
  const rate = gflop / (median(steps) / 1e3);
  const sgemm = median(products);
  const { blas: library, simd, threads } = session.info;
  const lines = [
    `${name}, ${threads} threads, ${simd}, ${library === null ? "built-in products" : library.name}`,
    `  micro-step    ${median(steps).toFixed(1)} ms for ${gflop.toFixed(2)} GFLOP: ${rate.toFixed(0)} GFLOP/s`,
    `  SGEMM 2048    ${sgemm.toFixed(0)} GFLOP/s`,
    `  share         ${(rate / sgemm).toFixed(2)}`,
    `  norm + update ${median(updates).toFixed(1)} ms`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  session.close();
}

main();
