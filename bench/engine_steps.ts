/**
 * Training with the emulated engine beside the processor: losses, and what a micro-step takes.
 *
 *     ANEC_EMULATOR=numerics=fast node dist/bench/engine_steps.js [--model autoresearch] [--updates 20]
 *         [--accum 1] [--fusion layer] [--data default]
 *
 * With `pace=predicted` calls take their predicted time and compute nothing: then the losses mean nothing, and
 * the time of a micro-step shows what the host's work beside the calls saves.
 *
 * Both see the same windows from the same parameters. The time is this computer's, which imitates the
 * engine; what an engine would take is what the emulator's cost model predicts for its share.
 */
import { parseArgs } from "node:util";
import { loadModel } from "../dsl/index.ts";
import { openData } from "../training/data/open_data.ts";
import type { TokenData } from "../training/data/token_file.ts";
import type { EngineChoice } from "../training/engine_programs.ts";
import { createTrainer, type TrainerOptions } from "../training/trainer.ts";

interface Run {
  readonly losses: readonly number[];
  readonly validation: number;
  /** Of one micro-step: the median of the wall's, the mean of the processor's over all threads. */
  readonly milliseconds: number;
  readonly processor: number;
  /** Of the engine's share of one micro-step, predicted; 0 without one. */
  readonly predicted: number;
}

function train(options: TrainerOptions): Run {
  const trainer = createTrainer(options);
  const losses: number[] = [];
  const times: number[] = [];
  const before = process.cpuUsage();
  while (!trainer.done) {
    const start = performance.now();
    losses.push(trainer.step().loss);
    times.push(performance.now() - start);
  }
  const used = process.cpuUsage(before);
  const processor = (used.user + used.system) / 1e3 / losses.length;
  const predicted = (trainer.engineCounts?.hardwareNanoseconds ?? 0) / 1e6 / losses.length;
  const validation = trainer.validate();
  trainer.close();
  const milliseconds = times.sort((a, b) => a - b)[times.length >> 1]!;
  return { losses, validation, milliseconds, processor, predicted };
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

function print(processor: Run, engine: Run): void {
  const distances = engine.losses.map((loss, i) => Math.abs(loss - processor.losses[i]!));
  const row = (name: string, a: number, b: number, digits: number): string =>
    `${name.padEnd(28)}${a.toFixed(digits).padStart(12)}${b.toFixed(digits).padStart(12)}\n`;
  process.stdout.write(
    `${"".padEnd(28)}${"cpu".padStart(12)}${"emulator".padStart(12)}\n` +
      row("mean loss", mean(processor.losses), mean(engine.losses), 5) +
      row("last loss", processor.losses.at(-1)!, engine.losses.at(-1)!, 5) +
      row("validation", processor.validation, engine.validation, 5) +
      row("ms a micro-step", processor.milliseconds, engine.milliseconds, 1) +
      row("ms of processor time", processor.processor, engine.processor, 1) +
      `largest distance of a loss ${Math.max(...distances).toFixed(5)} nats\n` +
      `the engine's share of a micro-step, predicted: ${engine.predicted.toFixed(2)} ms\n`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "autoresearch" },
      updates: { type: "string", default: "20" },
      accum: { type: "string", default: "1" },
      fusion: { type: "string", default: "layer" },
      data: { type: "string", default: "default" },
    },
  });
  const data: TokenData = await openData(values.data);
  const accum = Number(values.accum);
  const options: TrainerOptions = {
    source: loadModel(values.model),
    data,
    dataName: values.data,
    settings: { steps: Number(values.updates) * accum, accum },
  };
  const engine: EngineChoice = { fusion: values.fusion as EngineChoice["fusion"], ane: "full" };
  const settings = process.env["ANEC_EMULATOR"] ?? "";
  process.stdout.write(
    `${values.model} on ${values.data}, ${values.updates} updates of ${accum} micro-steps, ` +
      `fusion ${values.fusion}, ANEC_EMULATOR=${settings}\n\n`,
  );
  const processor = train(options);
  const onEngine = (overlap: boolean): Run =>
    train({ ...options, engine, device: { engine: { kind: "emulator", overlap } } });
  const beside = onEngine(true);
  print(processor, beside);
  const after = onEngine(false);
  const saved = 100 * (1 - beside.milliseconds / after.milliseconds);
  process.stdout.write(
    `one command after another: ${after.milliseconds.toFixed(1)} ms a micro-step, ` +
      `beside each other ${beside.milliseconds.toFixed(1)} ms: ${saved.toFixed(1)} % less\n`,
  );
}

await main();
