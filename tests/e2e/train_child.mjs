// Trains a small model in a process of its own, which train_killed.test.ts kills and starts again.
//
//   node train_child.mjs BUILD OUT STEPS [INTERRUPT] [BATCH] [METHOD]     BUILD: the compiled sources
//
// METHOD is mezo or fzoo, which train adapters, or backprop. Resumes OUT if it is there. Prints a line for every micro-step. Sends itself the signal of Ctrl-C after
// micro-step INTERRUPT.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [build, out, steps, interrupt, batch = "1", method = "backprop"] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(build, path)).href);
const { loadModel } = await load("dsl/index.js");
const { openData } = await load("training/data/open_data.js");
const { readCheckpoint } = await load("training/checkpoint.js");
const { resumeTrainer } = await load("training/resume.js");
const { startRun } = await load("training/run.js");
const { createTrainer } = await load("training/trainer.js");
const { zerothSettings } = await load("training/mezo/options.js");

const data = await openData("builtin:stories");
const device = { threads: 1, blas: "builtin" };
const common = { steps: Number(steps), valEvery: 9 };
const byGradients = { ...common, accum: 4, batch: Number(batch), warmup: 2 };
const isZeroth = method !== "backprop";
const lora = { rank: 2, scale: 1, targets: ["wq", "wv"], norms: true };
const trainer = existsSync(out)
  ? resumeTrainer({ checkpoint: readCheckpoint(out), data, device })
  : createTrainer({
      source: loadModel("tiny"),
      overrides: { S: 8, D: 16, H: 2, K: 1, E: 8, F: 24, L: 2 },
      ...{ data, dataName: "builtin:stories", device },
      ...(isZeroth ? { lora } : {}),
      settings: isZeroth ? zerothSettings({ method, isLora: true }, common) : byGradients,
    });

const run = startRun({
  trainer,
  out,
  saveEvery: 3,
  onEvent: (event) => {
    if (event.kind !== "step") return;
    process.stdout.write(`${event.step}\n`);
    if (event.step === Number(interrupt)) process.kill(process.pid, "SIGINT");
  },
});
process.on("SIGINT", run.requestStop);
const { reason } = await run.finished;
process.stdout.write(`${reason}\n`);
