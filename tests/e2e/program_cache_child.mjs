// Trains a small model on the emulated engine in a process of its own, with a cache of compiled programs.
//
//   node program_cache_child.mjs FOLDER           prints losses and what the engine has done, as JSON
//   node program_cache_child.mjs FOLDER forever   compiles and keeps programs under new keys until it is killed
import { createHash } from "node:crypto";

const load = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { loadModel } = await load("dsl/index.js");
const { configureEmulator, emulatorLibrary } = await load("runtime-native/js/ane.js");
const { openData } = await load("training/data/open_data.js");
const { createTrainer } = await load("training/trainer.js");

const [cache, forever] = process.argv.slice(2);
const data = await openData("builtin:stories");

function train(version, steps) {
  const trainer = createTrainer({
    source: loadModel("tiny"),
    overrides: { S: 16, D: 16, H: 2, K: 1, E: 8, F: 24, L: 1 },
    ...{ data, dataName: "builtin:stories" },
    settings: { steps, accum: 1, lr: 3e-3, warmup: 1 },
    engine: { fusion: "layer", ane: "full" },
    device: { threads: 1, engine: { kind: "emulator", cache, version } },
  });
  const losses = [];
  while (!trainer.done && losses.length < steps) losses.push(trainer.step().loss);
  const counts = trainer.engineCounts;
  trainer.close();
  return { losses, counts };
}

if (forever === undefined) {
  process.stdout.write(JSON.stringify(train("1", 3)));
} else {
  for (let n = 0; ; n++) {
    if (n === 1) process.stdout.write("kept the first ones\n");
    // The emulated service would know the programs of the time before.
    configureEmulator(emulatorLibrary(), "");
    train(createHash("sha256").update(`${process.pid} ${n}`).digest("hex"), 1);
  }
}
