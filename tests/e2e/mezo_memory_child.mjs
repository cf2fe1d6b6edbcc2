// The memory of a run without gradients in a process of its own, for mezo_memory.test.ts.
//
//   node mezo_memory_child.mjs BUILD MODE     BUILD: the compiled sources
//
// Reads a model of 36 million parameters, with the addon loaded. MODE `base` stops there, `inference` fills its
// parameters and computes the loss of three windows, `mezo` and `fzoo` train three steps. Prints the most memory that
// the process had, in bytes.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [build, mode] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(build, path)).href);
const { trainingWorkload } = await load("cli/bench/workload.js");
const { loadModel } = await load("dsl/index.js");
const { lowerToHost, paramStorage } = await load("passes/lower_to_host.js");
const { runPasses } = await load("passes/pass.js");
const { pipelines } = await load("passes/pipeline.js");
const { finishPlan, newPlan } = await load("passes/plan_builder.js");
const { measureBound } = await load("runtime-native/js/index.js");
const { openSession } = await load("training/host_session.js");
const { initialise } = await load("training/initialise.js");
const { zerothSettings } = await load("training/mezo/options.js");
const { createTrainer } = await load("training/trainer.js");

const ROWS = 49152;
const STEPS = 3;
const device = { threads: 2, blas: "builtin" };
measureBound("multiplyAdd", 0.01, device);
const source = loadModel("autoresearch");
const { graph, S } = trainingWorkload({ source, rows: ROWS });

if (mode === "inference") {
  const plan = newPlan();
  const outputStorage = () => "loss";
  lowerToHost(plan, {
    name: "loss",
    graph: runPasses(graph, pipelines.infer).graph,
    outputStorage,
  });
  const session = openSession(finishPlan(plan), device);
  // As the trainer does it, for drawing numbers takes memory too. Tokens are 0.
  const vocabulary = { dim: "V", full: ROWS, size: ROWS, active: null };
  initialise(graph, { seed: 42, vocabulary, values: (path) => session.f32(paramStorage(path)) });
  for (let i = 0; i < STEPS; i++) session.run("loss");
  session.close();
} else if (mode !== "base") {
  const tokens = Uint16Array.from({ length: 20 * S }, (_, i) => (i * 7919) % ROWS);
  const valStart = 18 * S;
  const split = { valStart, trainTokens: valStart, valTokens: tokens.length - valStart };
  const data = { path: "made up", tokens, ...split, vocabulary: ROWS };
  const settings = zerothSettings({ method: mode }, { steps: STEPS, compact: false, valEvery: 0 });
  const trainer = createTrainer({ source, data, dataName: "made up", settings, device });
  for (let i = 0; i < STEPS; i++) trainer.step();
  trainer.close();
}
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
