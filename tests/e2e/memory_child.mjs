// The memory of a training session in a process of its own, for memory.test.ts.
//
//   node memory_child.mjs BUILD MODE BATCH RECOMPUTE     BUILD: the compiled sources
//
// Plans a training run, with the addon loaded. MODE `base` stops there, `session` trains two groups. Prints
// the bytes of the plan and the most memory that the process had, as JSON.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [build, mode, batch, recompute] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(build, path)).href);
const { fillTokens, fillWorkload, trainingWorkload } = await load("cli/bench/workload.js");
const { loadModel } = await load("dsl/index.js");
const { memoryReport } = await load("passes/memory_report.js");
const { measureBound } = await load("runtime-native/js/index.js");
const { openSession } = await load("training/host_session.js");
const { buffers, trainingPlan } = await load("training/programs.js");

const ROWS = 4096;
const device = { threads: 2, blas: "builtin" };
measureBound("multiplyAdd", 0.01, device);
const model = trainingWorkload({ source: loadModel("autoresearch"), rows: ROWS });
const choice = { batch: Number(batch), recompute: recompute === "true" };
const built = trainingPlan(model.graph, undefined, choice);

if (mode === "session") {
  const session = openSession(built, device);
  fillWorkload(session, model.graph, ROWS);
  for (const x of choice.batch > 1 ? [model.tokens, model.targets] : [])
    fillTokens(session.i32(buffers.windows(x)), ROWS, 7);
  session.f32(buffers.scalars).set([1e-4, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05, 1]);
  const program = choice.batch > 1 ? "batch" : "micro_step";
  for (let group = 0; group < 2; group++) {
    for (const first of [true, false]) session.run(program, { first });
    session.run("norm");
    session.run("update");
  }
  session.close();
}
const planned = memoryReport(built.plan).totalBytes;
process.stdout.write(JSON.stringify({ planned, peak: process.resourceUsage().maxRSS * 1024 }));
