/**
 * A run without gradients, one window a step: MeZO and FZOO.
 *
 *     const settings = zerothSettings({ method: "mezo" }, { steps: 500 });
 *     const trainer = createTrainer({ source, data, dataName: "default", settings });
 *
 * Parameters are moved in place, and the signs of a step are drawn again from its seed whenever they are needed, so
 * that a run holds what inference holds. Where a step begins, every trained parameter lies on a grid on which moving
 * it by ε there and back is exact (`perturb.ts`); with `--compat autoane` it is moved as AutoANE does, whose roundings
 * add up.
 *
 * A checkpoint has parameters, the number of steps and the seed. That is all there is.
 */
import { leafName } from "../../compiler/ir/graph.ts";
import { lossNotFinite } from "../../compiler/messages/training.ts";
import { diskFileSystem, type FileSystem } from "../../compiler/support/atomic_write.ts";
import { bug, invariant } from "../../compiler/support/bug.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { writeFileBytes } from "../../formats/files.ts";
import type {
  DeviceInfo,
  EngineCounts,
  EngineInfo,
  Session,
} from "../../runtime-native/js/index.ts";
import { encodeCheckpoint, type TrainState } from "../checkpoint.ts";
import { contentsOf } from "../checkpoint_contents.ts";
import { digestOfTokens } from "../data/token_file.ts";
import { fixedValidationWindows, stepWindow, trainWindow } from "../data/windows.ts";
import type { EngineTrouble } from "../engine_recovery.ts";
import { parametersOf, type TrainingModel } from "../model.ts";
import type { TrainSettings } from "../options.ts";
import { createRandom, type Random } from "../random.ts";
import { learningRate } from "../schedules/index.ts";
import type { TracedCommand } from "../trace.ts";
import { afterGroup, afterMicroSteps, afterValidation } from "../train_state.ts";
import type { Start, StepResult, Trainer } from "../trainer_types.ts";
import type { Vocabulary } from "../vocabulary.ts";
import { MezoDevice } from "./device.ts";
import { probeWeights, projectedGradient } from "./estimate.ts";
import type { ZerothOrder } from "./options.ts";
import { stepSeed } from "./random.ts";

/** Between the seeds of the directions of one step, in AutoANE. */
const PROBE_STRIDE = 999_983n;

/** What a step found: its loss, and how far each direction is gone for a rate of 1. */
interface Estimate {
  readonly loss: number;
  readonly weights: readonly number[];
  /** What the weights are measured in: a projected gradient. */
  readonly size: number;
}

export class MezoTrainer implements Trainer {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly parameters: number;
  readonly resumedFrom: string | undefined;
  readonly #start: Start;
  readonly #zeroth: ZerothOrder;
  readonly #device: MezoDevice;
  readonly #random: Random;
  #state: TrainState;
  #digest: string | undefined;

  /** `fill` sets the parameters. */
  constructor(start: Start, fill: (session: Session) => void) {
    const { model, vocabulary, settings, state } = start;
    this.#start = start;
    this.model = model;
    this.vocabulary = vocabulary;
    this.settings = settings;
    this.resumedFrom = start.resumedFrom;
    this.#zeroth = settings.zeroth ?? bug("a run without gradients needs a method");
    this.#state = state;
    this.#random = createRandom(settings.seed);
    this.#random.restore(state.random);
    this.parameters = parametersOf(model.graph);
    this.#device = new MezoDevice(start, fill, this.#window());
    this.#random.restore(state.random);
    this.#toGrid();
  }

  get #isCompatible(): boolean {
    return this.settings.compat === "autoane";
  }

  /** Of weights between steps; 0 for none. */
  get #grid(): number {
    return this.#isCompatible ? 0 : this.#zeroth.epsilon;
  }

  /** The initial values, and whatever was put there from outside, on the grid. */
  #toGrid(): void {
    if (this.#grid > 0) this.#device.move(0n, { add: 0, more: 0, grid: this.#grid });
  }

  get device(): DeviceInfo {
    return this.#device.session.info;
  }

  get engine(): EngineInfo | undefined {
    return this.#device.session.engine;
  }

  get engineCounts(): EngineCounts | undefined {
    return this.#device.session.engineCounts();
  }

  get trace(): readonly TracedCommand[] {
    return [];
  }

  get state(): TrainState {
    return this.#state;
  }

  get done(): boolean {
    const { steps } = this.settings;
    return steps !== null && this.#state.step >= steps;
  }

  /** By the schedule, without a warm-up. AutoANE computes the rate of a step at the end of the one before. */
  get lr(): number {
    const { step } = this.#state;
    const at = this.#isCompatible ? Math.max(0, step - 1) : step;
    return learningRate(at, { ...this.settings, warmup: 0 }, this.settings.steps);
  }

  step(): StepResult {
    invariant(!this.done, "a run that is complete has no further step");
    const { step } = this.#state;
    const { lr } = this;
    const before = this.#random.state();
    const position = this.#window();
    const seeds = this.#seeds(step);
    let found: Estimate;
    try {
      found =
        this.#zeroth.method === "mezo"
          ? this.#mezo(seeds[0]!, position)
          : this.#fzoo(seeds, position);
    } catch (error) {
      this.#random.restore(before);
      throw error;
    }
    this.#take(seeds, found, lr);
    const after = afterMicroSteps(this.#state, [found.loss], this.#random.state());
    this.#state = { ...afterGroup(after), updates: step + 1 };
    const update = {
      ...{ update: step + 1, loss: found.loss, microSteps: 1, lr },
      ...{ gradNorm: found.size, clipped: false },
    };
    return { step: step + 1, loss: found.loss, update };
  }

  steps(): readonly StepResult[] {
    return [this.step()];
  }

  /** Where the window of this step begins. */
  #window(): number {
    const { data, model, settings } = this.#start;
    return this.#isCompatible
      ? stepWindow(settings.seed, this.#state.step, data.trainTokens, model.S)
      : trainWindow(this.#random, data.trainTokens, model.S);
  }

  /** Seeds of the directions of a step: no two of a run are the same. */
  #seeds(step: number): readonly bigint[] {
    const { seed } = this.settings;
    const { method, probes } = this.#zeroth;
    const count = method === "mezo" ? 1 : probes;
    return Array.from({ length: count }, (_, k) =>
      this.#isCompatible
        ? BigInt.asUintN(64, stepSeed(seed, step) + BigInt(k) * PROBE_STRIDE)
        : BigInt.asUintN(64, (BigInt(seed) << 32n) + BigInt(step) * BigInt(count) + BigInt(k)),
    );
  }

  /** The loss with the parameters `offset` · z away; `back` restores them if it is not finite. */
  #loss(position: number, seed: bigint, back: number): number {
    const loss = this.#device.loss(position);
    if (Number.isFinite(loss)) return loss;
    this.#device.move(seed, { add: back, more: 0, grid: 0 });
    const { step, updates } = this.#state;
    throw new UserError(lossNotFinite(`step ${step + 1}`, loss, updates));
  }

  /** Leaves the parameters at θ − εz. */
  #mezo(seed: bigint, position: number): Estimate {
    const { epsilon } = this.#zeroth;
    const move = (add: number) => this.#device.move(seed, { add, more: 0, grid: 0 });
    move(epsilon);
    const plus = this.#loss(position, seed, -epsilon);
    move(-2 * epsilon);
    const minus = this.#loss(position, seed, epsilon);
    const size = projectedGradient(plus, minus, epsilon);
    return { loss: (plus + minus) / 2, weights: [size], size: Math.abs(size) };
  }

  /** Leaves the parameters at θ. */
  #fzoo(seeds: readonly bigint[], position: number): Estimate {
    const { epsilon } = this.#zeroth;
    const base = this.#loss(position, 0n, 0);
    const losses = seeds.map((seed) => {
      this.#device.move(seed, { add: epsilon, more: 0, grid: 0 });
      const loss = this.#loss(position, seed, -epsilon);
      this.#device.move(seed, { add: -epsilon, more: 0, grid: 0 });
      return loss;
    });
    const weights = probeWeights(base, losses, this.#isCompatible ? epsilon : undefined);
    const slopes = losses.map((loss) => (loss - base) / epsilon);
    return { loss: base, weights, size: Math.hypot(...slopes) / Math.sqrt(slopes.length) };
  }

  /** Back to θ where a step left it, and against the slope. */
  #take(seeds: readonly bigint[], { weights }: Estimate, lr: number): void {
    const { method, epsilon } = this.#zeroth;
    const add = method === "mezo" ? epsilon : 0;
    for (const [k, seed] of seeds.entries()) {
      const grid = k === seeds.length - 1 ? this.#grid : 0;
      this.#device.move(seed, { add, more: -lr * weights[k]!, grid });
    }
  }

  finishGroup(): undefined {
    return undefined;
  }

  validate({ record = false } = {}): number {
    const { data, model } = this.#start;
    const windows = fixedValidationWindows(data.valStart, data.valTokens, model.S);
    let sum = 0;
    for (const position of windows) sum += this.#device.loss(position);
    const loss = sum / windows.length;
    const { step, updates } = this.#state;
    if (!Number.isFinite(loss)) {
      throw new UserError(lossNotFinite(`the validation after step ${step}`, loss, updates));
    }
    if (record) this.#state = afterValidation(this.#state, loss);
    return loss;
  }

  bitsPerByte(loss: number): number | undefined {
    const { bytesPerToken } = this.#start.data;
    if (bytesPerToken === undefined || bytesPerToken <= 0) return undefined;
    return loss / Math.LN2 / bytesPerToken;
  }

  save(path: string, disk: FileSystem = diskFileSystem): void {
    const { data, dataName } = this.#start;
    this.#digest ??= digestOfTokens(data);
    const { model, vocabulary, settings, state } = this;
    const contents = contentsOf({
      ...{ model, vocabulary, settings, state, lossScale: 1 },
      ...{ data, dataName, digest: this.#digest },
      values: (name) => this.#device.session.f32(name),
    });
    writeFileBytes(path, encodeCheckpoint(contents), disk);
  }

  takeTroubles(): readonly EngineTrouble[] {
    return [];
  }

  param(path: string): Float32Array {
    return this.#device.param(path);
  }

  restage(): void {
    this.#toGrid();
    this.#device.stage();
  }

  gradient(path: string): Float32Array {
    const params = this.model.graph.params.map(leafName).join(", ");
    return bug(`a run without gradients has none of ${path} (of ${params})`);
  }

  close(): void {
    this.#device.close();
  }
}
