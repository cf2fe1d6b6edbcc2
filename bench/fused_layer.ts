/**
 * A layer nobody wrote a kernel for against one that has its own: RMSNorm from its equation, which becomes
 * generic loops, and the op `rms_norm`. Both run in turns, in one process; the goal is within 2x.
 *
 *     npm run build && node dist/bench/fused_layer.js
 */
import { median } from "../cli/bench/workload.ts";
import { jsonLine } from "../cli/output.ts";
import { elaborate } from "../dsl/index.ts";
import { inputStorage, lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import { openSession } from "../training/host_session.ts";
import { createRandom } from "../training/random.ts";

const TEXT = `
dims S = 512, D = 1024

model generic(x: [S, D]) -> [S, D] {
  return x * rsqrt(mean(x * x, keep: "yes") + 0.00001)
}

model own(x: [S, D], weight: [D]) -> [S, D] {
  return op.rms_norm(x, weight, eps: 0.00001)
}
`;

const TURNS = 400;

function main(): void {
  const { entries } = elaborate({ path: "fused_layer.ane", text: TEXT });
  const plan = newPlan();
  for (const entry of entries) {
    const { graph } = runPasses(entry.graph(), pipelines.infer);
    lowerToHost(plan, { name: entry.name, graph, outputStorage: () => `output.${entry.name}` });
  }
  const session = openSession(finishPlan(plan), { threads: 1 });
  try {
    createRandom(1).fillUniform(session.f32(inputStorage("x")), 1);
    session.f32(inputStorage("weight")).fill(1);
    const timed = (program: string): number => {
      const start = performance.now();
      session.run(program);
      return performance.now() - start;
    };
    const times = { generic: [] as number[], own: [] as number[] };
    for (let turn = 0; turn < TURNS; turn++) {
      times.generic.push(timed("generic"));
      times.own.push(timed("own"));
    }
    const [generic, own] = [session.f32("output.generic"), session.f32("output.own")];
    const difference = generic.reduce((most, y, i) => Math.max(most, Math.abs(y - own[i]!)), 0);
    const [genericMs, ownMs] = [median(times.generic), median(times.own)];
    const best = Math.min(...times.generic) / Math.min(...times.own);
    process.stdout.write(
      jsonLine({ genericMs, ownMs, ratio: genericMs / ownMs, ratioOfBest: best, difference }),
    );
  } finally {
    session.close();
  }
}

main();
