/**
 * A run of training, one micro-step at a time.
 *
 *     const trainer = createTrainer({ source, data, dataName: "default" });
 *     while (!trainer.done) trainer.step();
 *     trainer.validate({ record: true });
 *     trainer.save("model.ckpt");
 *
 * A micro-step draws one window, computes its loss and adds its gradient. Every `accum` of them, and at
 * the end of the run, the mean of the gradients is clipped and AdamW updates the parameters. Nothing is
 * printed here, and nothing depends on the clock.
 */
import { leafName } from "../compiler/ir/graph.ts";
import { gradientNotFinite, lossNotFinite } from "../compiler/messages/training.ts";
import { diskFileSystem, type FileSystem } from "../compiler/support/atomic_write.ts";
import { invariant } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { writeFileBytes } from "../formats/files.ts";
import { fromFloat32, type Tensor } from "../formats/tensor.ts";
import { inputStorage, paramStorage } from "../passes/lower_to_host.ts";
import type { DeviceInfo, EngineCounts, EngineInfo, Session } from "../runtime-native/js/index.ts";
import {
  type CheckpointContents,
  encodeCheckpoint,
  type Score,
  type TrainState,
} from "./checkpoint.ts";
import { stateTensors } from "./checkpoint_model.ts";
import { checkSequence, digestOfTokens, type TokenData } from "./data/token_file.ts";
import {
  autoaneValidationWindows,
  copyWindow,
  fixedValidationWindows,
  trainWindow,
} from "./data/windows.ts";
import { type EngineTrouble, RecoveringSession } from "./engine_recovery.ts";
import { afterOverflow, afterUpdate, isForChoice, newEngineState } from "./engine_scales.ts";
import { engineShare, toRows } from "./engine_share.ts";
import { initialise } from "./initialise.ts";
import { initialiseAutoane } from "./initialise_autoane.ts";
import { readModel, type TrainingModel, withRows } from "./model.ts";
import { ADAM_EPS, completeSettings, type TrainSettings } from "./options.ts";
import { buffers } from "./programs.ts";
import { createRandom, type Random } from "./random.ts";
import { rateOf } from "./schedule.ts";
import type { TracedCommand } from "./trace.ts";
import type { Start, StepResult, Trainer, TrainerOptions, UpdateResult } from "./trainer_types.ts";
import { chooseVocabulary, rowOfId, type Vocabulary } from "./vocabulary.ts";

export type {
  Start,
  StepResult,
  Trainer,
  TrainerOptions,
  UpdateResult,
} from "./trainer_types.ts";

/** Starts a run. Throws a `UserError` for mistakes of the model, the data or the settings. */
export function createTrainer(options: TrainerOptions): Trainer {
  const settings = completeSettings(options.settings);
  const asWritten = readModel(options);
  checkSequence(options.data, asWritten.S);
  const vocabulary = chooseVocabulary(asWritten, options.data, settings.compact);
  const model = withRows(asWritten, vocabulary.dim, vocabulary.size);
  const random = createRandom(settings.seed).state();
  const state: TrainState = {
    ...{ step: 0, updates: 0, random, lastLoss: null },
    group: { count: 0, loss: 0, before: { random, lastLoss: null } },
    validation: { last: null, best: null },
  };
  const start: Start = { ...options, model, vocabulary, settings, state };
  return new HostTrainer(start, (session) => {
    const set = settings.compat === "autoane" ? initialiseAutoane : initialise;
    const values = (path: string) => session.f32(paramStorage(path));
    set(model.graph, { seed: settings.seed, vocabulary, values });
  });
}

/** A trainer whose optimizer, and whatever is not the engine's, runs on the processor. */
export class HostTrainer implements Trainer {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly parameters: number;
  readonly resumedFrom: string | undefined;
  readonly #data: TokenData;
  readonly #dataName: string;
  readonly #device: RecoveringSession;
  readonly #random: Random;
  readonly #rowOf: ((id: number) => number) | null;
  #state: TrainState;
  #digest: string | undefined;

  /** `fill` sets the parameters, and whatever else of the session is not zero at the start. */
  constructor(start: Start, fill: (session: Session) => void) {
    const { model, vocabulary, settings, state, data, dataName } = start;
    this.model = model;
    this.vocabulary = vocabulary;
    this.settings = settings;
    this.resumedFrom = start.resumedFrom;
    this.#state = state;
    this.#data = data;
    this.#dataName = dataName;
    this.#rowOf = rowOfId(vocabulary);
    this.#random = createRandom(settings.seed);
    this.#random.restore(state.random);
    const share = engineShare(start, fill);
    if (share !== undefined && !isForChoice(state.engine, share.choice)) {
      this.#state = { ...state, engine: newEngineState(share.choice, share.scales) };
    }
    const { device, fallback, trace } = start;
    this.#device = new RecoveringSession({
      ...{ graph: model.graph, share, device, fallback, trace },
      lossScale: () => this.#state.engine?.lossScale ?? 1,
    });
    this.parameters = this.#paths().reduce((n, path) => n + this.param(path).length, 0);
    try {
      fill(this.#session);
      this.#rescaleGradients();
      this.restage();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #paths(): string[] {
    return this.model.graph.params.map(leafName);
  }

  get #session(): Session {
    return this.#device.session;
  }

  /** The gradients of a checkpoint inside a group, with the factor that those to come will have. */
  #rescaleGradients(): void {
    const { scale: saved = 1, count } = this.#state.group;
    const factor = this.#device.lossScale / saved;
    if (count === 0 || factor === 1) return;
    for (const path of this.#paths()) {
      const gradient = this.#session.f32(buffers.gradient(path));
      for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! * factor;
    }
  }

  gradient(path: string): Float32Array {
    const { lossScale } = this.#device;
    return this.#session.f32(buffers.gradient(path)).map((g) => g / lossScale);
  }

  restage(): void {
    const stage = (): void => this.#device.stage();
    const { step, group } = this.#state;
    // A session that is opened anew is given them anyway.
    this.#onEngine(Math.max(1, step), stage, () => this.#repeatGroup(group.count));
  }

  #onEngine(step: number, work: () => void, again: () => void): void {
    const stop = this.#device.attempt(step, work, again);
    if (stop !== undefined) this.#giveUp(stop);
  }

  takeTroubles(): readonly EngineTrouble[] {
    return this.#device.takeTroubles();
  }

  get trace(): readonly TracedCommand[] {
    return this.#device.trace;
  }

  get engine(): EngineInfo | undefined {
    return this.#session.engine;
  }

  get engineCounts(): EngineCounts | undefined {
    return this.#device.engineCounts;
  }

  get device(): DeviceInfo {
    return this.#session.info;
  }

  get state(): TrainState {
    return this.#state;
  }

  get done(): boolean {
    const { steps } = this.settings;
    return steps !== null && this.#state.step >= steps;
  }

  get lr(): number {
    const { step, updates, group } = this.#state;
    const { steps, accum } = this.settings;
    const last = steps === null ? Infinity : Math.ceil(steps / accum) - 1;
    // The update that is next comes with the last micro-step of its group.
    const closing = Math.min(step - group.count + accum, steps ?? Infinity) - 1;
    return rateOf(this.settings, Math.min(updates, last), closing);
  }

  step(): StepResult {
    invariant(!this.done, "a run that is complete has no further step");
    const { step, group } = this.#state;
    this.#device.clearTrace();
    const run = (): void => this.#runWindow(group.count === 0);
    this.#onEngine(step + 1, run, () => this.#repeatGroup(group.count + 1));
    const loss = this.#session.f32(buffers.loss)[0]!;
    if (!Number.isFinite(loss)) {
      this.#giveUp(lossNotFinite(`step ${step + 1}`, loss, this.#state.updates));
    }
    this.#state = {
      ...this.#state,
      step: step + 1,
      random: this.#random.state(),
      lastLoss: loss,
      group: { ...group, count: group.count + 1, loss: group.loss + loss },
    };
    const isFull = group.count + 1 === this.settings.accum;
    const update = isFull || this.done ? this.finishGroup() : undefined;
    return { step: step + 1, loss, ...(update === undefined ? {} : { update }) };
  }

  #runWindow(first: boolean): void {
    this.#setWindow(trainWindow(this.#random, this.#data.trainTokens, this.model.S));
    this.#device.run("micro_step", { first });
  }

  /** So many windows from the beginning of the open group. */
  #repeatGroup(count: number): void {
    this.#random.restore(this.#state.group.before.random);
    for (let i = 0; i < count; i++) this.#runWindow(i === 0);
  }

  #setWindow(position: number): void {
    const { model } = this;
    const [tokens, targets] = [model.tokens, model.targets].map((x) =>
      this.#session.i32(inputStorage(x)),
    );
    copyWindow(this.#data.tokens, position, tokens!, targets!);
    toRows([tokens!, targets!], this.#rowOf);
  }

  finishGroup(): UpdateResult | undefined {
    const { step, updates, group, random, lastLoss } = this.#state;
    if (group.count === 0) return undefined;
    const { accum, clip, wd, beta1, beta2, compat } = this.settings;
    // AutoANE divides a short last group by the size of a full one.
    const terms = compat === "autoane" ? accum : group.count;

    const { lossScale } = this.#device;
    this.#device.run("norm");
    const nonfinite = this.#session.f64(buffers.nonfinite)[0]!;
    if (nonfinite > 0 && lossScale > 1) return this.#backOff();
    if (nonfinite > 0) {
      this.#giveUp(gradientNotFinite(updates + 1, nonfinite, this.#firstNotFinite()));
    }
    const size = terms * lossScale;
    const gradNorm = Math.sqrt(this.#session.f64(buffers.squares)[0]!) / size;
    const clipped = clip > 0 && gradNorm > clip;
    const scale = (clipped ? clip / gradNorm : 1) / size;
    const lr = rateOf(this.settings, updates, step - 1);
    const t = updates + 1;
    this.#session
      .f32(buffers.scalars)
      .set([lr, beta1, beta2, ADAM_EPS, wd, 1 - beta1 ** t, 1 - beta2 ** t, scale]);
    this.#device.run("update");

    const { engine } = this.#state;
    const isOnEngine = engine !== undefined && this.engine !== undefined;
    this.#state = {
      ...this.#state,
      updates: t,
      group: { count: 0, loss: 0, before: { random, lastLoss } },
      ...(isOnEngine ? { engine: afterUpdate(engine) } : {}),
    };
    this.restage();
    const loss = group.loss / group.count;
    return { update: t, loss, microSteps: group.count, lr, gradNorm, clipped };
  }

  /** The gradient of this group overflowed on the engine: it is dropped, and the next one scaled less. */
  #backOff(): UpdateResult {
    const { group, random, lastLoss, updates } = this.#state;
    const engine = afterOverflow(this.#state.engine!);
    this.#state = {
      ...this.#state,
      group: { count: 0, loss: 0, before: { random, lastLoss } },
      engine,
    };
    this.restage();
    const loss = group.loss / group.count;
    const skipped = { lossScale: engine.lossScale };
    const nothing = { lr: 0, gradNorm: Number.POSITIVE_INFINITY, clipped: false };
    return { update: updates, loss, microSteps: group.count, ...nothing, skipped };
  }

  #firstNotFinite(): string {
    const isBad = (path: string) =>
      this.#session.f32(buffers.gradient(path)).some((g) => !Number.isFinite(g));
    return this.#paths().find(isBad) ?? "none";
  }

  /** Goes back to the last update, where everything is finite, and stops. */
  #giveUp(diagnostic: Diagnostic): never {
    const { step, group } = this.#state;
    const { random, lastLoss } = group.before;
    this.#state = {
      ...this.#state,
      ...{ step: step - group.count, random, lastLoss },
      group: { count: 0, loss: 0, before: { random, lastLoss } },
    };
    this.#random.restore(random);
    throw new UserError(diagnostic);
  }

  validate({ record = false } = {}): number {
    const { valStart, valTokens } = this.#data;
    const { step, updates, validation } = this.#state;
    const { S } = this.model;
    const windows =
      this.settings.compat === "autoane"
        ? autoaneValidationWindows(step, valStart, valTokens, S)
        : fixedValidationWindows(valStart, valTokens, S);
    let sum = 0;
    for (const position of windows) {
      this.#setWindow(position);
      this.#session.run("evaluate");
      sum += this.#session.f32(buffers.evaluatedLoss)[0]!;
    }
    const loss = sum / windows.length;
    if (!Number.isFinite(loss)) {
      throw new UserError(lossNotFinite(`the validation after step ${step}`, loss, updates));
    }
    if (record) {
      const last: Score = { step, loss };
      const { best } = validation;
      const isBest = best === null || loss < best.loss;
      this.#state = { ...this.#state, validation: { last, best: isBest ? last : best } };
    }
    return loss;
  }

  bitsPerByte(loss: number): number | undefined {
    const { bytesPerToken } = this.#data;
    if (bytesPerToken === undefined || bytesPerToken <= 0) return undefined;
    return loss / Math.LN2 / bytesPerToken;
  }

  save(path: string, disk: FileSystem = diskFileSystem): void {
    writeFileBytes(path, encodeCheckpoint(this.#contents()), disk);
  }

  #contents(): CheckpointContents {
    const { source, entry, overrides } = this.model;
    const { tokens, tokenizer = null, bytesPerToken = null } = this.#data;
    this.#digest ??= digestOfTokens(this.#data);
    const tensors = new Map<string, Tensor>();
    for (const [name, shape] of stateTensors(
      this.model.graph.params,
      this.#state.group.count > 0,
    )) {
      tensors.set(name, fromFloat32(shape, this.#session.f32(name)));
    }
    return {
      model: { source: { path: source.path, text: source.text }, entry, overrides },
      vocabulary: this.vocabulary,
      data: {
        name: this.#dataName,
        tokens: tokens.length,
        digest: this.#digest,
        tokenizer,
        bytesPerToken,
      },
      settings: this.settings,
      state: this.#savedState(),
      tensors,
    };
  }

  #savedState(): TrainState {
    const { group } = this.#state;
    const { lossScale: scale } = this.#device;
    const { scale: _, ...unscaled } = group;
    const isScaled = scale !== 1 && group.count > 0;
    return { ...this.#state, group: isScaled ? { ...unscaled, scale } : unscaled };
  }

  param(path: string): Float32Array {
    return this.#session.f32(paramStorage(path));
  }

  close(): void {
    this.#device.close();
  }
}
