/**
 * A run of training, one micro-step at a time.
 *
 *     const trainer = createTrainer({ source, data, dataName: "default" });
 *     while (!trainer.done) trainer.step();
 *     trainer.validate({ record: true });
 *     trainer.save("model.ckpt");
 *
 * A micro-step draws one window, computes its loss and adds its gradient. Every `accum` of them, and at
 * the end of the run, the mean of the gradients is clipped and the optimizer updates the parameters. Nothing is
 * printed here, and nothing depends on the clock.
 */
import { isTrained, leafName } from "../compiler/ir/graph.ts";
import {
  engineBudgetSpent,
  gradientNotFinite,
  lossNotFinite,
} from "../compiler/messages/training.ts";
import { diskFileSystem, type FileSystem } from "../compiler/support/atomic_write.ts";
import { invariant } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { writeFileBytes } from "../formats/files.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { DeviceInfo, EngineCounts, EngineInfo, Session } from "../runtime-native/js/index.ts";
import { afterResidual, isSwitchedOff, switchedOff, withoutEngine } from "./adaptive.ts";
import { batchAt, resultsOf, withBatch } from "./batches.ts";
import { type CheckpointContents, encodeCheckpoint, type TrainState } from "./checkpoint.ts";
import { contentsOf } from "./checkpoint_contents.ts";
import { compatNamed, validationWindows } from "./compat/index.ts";
import { checkSequence, digestOfTokens, type TokenData } from "./data/token_file.ts";
import { type EngineTrouble, RecoveringSession } from "./engine_recovery.ts";
import { afterOverflow, afterUpdate, isForChoice, newEngineState } from "./engine_scales.ts";
import { engineShare } from "./engine_share.ts";
import { firstNotFinite, groupGradient, scaleGradients } from "./group_gradient.ts";
import { initialise } from "./initialise.ts";
import { initialiseAdapters, withoutAdapters } from "./lora/initialise.ts";
import { MezoTrainer } from "./mezo/trainer.ts";
import { MicroSteps } from "./micro_steps.ts";
import { parametersOf, readModel, type TrainingModel, withRows } from "./model.ts";
import { updateScalars } from "./optimizers/groups.ts";
import { optimizerNamed } from "./optimizers/index.ts";
import { completeSettings, type TrainSettings } from "./options.ts";
import { buffers } from "./programs.ts";
import { createRandom, type Random } from "./random.ts";
import type { Ranks } from "./ranks.ts";
import { rateOf } from "./schedules/index.ts";
import type { TracedCommand } from "./trace.ts";
import {
  afterGroup,
  afterMicroSteps,
  afterValidation,
  beforeGroup,
  initialState,
  withGradients,
  withoutGradients,
} from "./train_state.ts";
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
  const asked = completeSettings(options.settings);
  const asWritten = readModel(options);
  checkSequence(options.data, asWritten.S);
  const vocabulary = chooseVocabulary(asWritten, options.data, asked.compact);
  const model = withRows(asWritten, vocabulary.dim, vocabulary.size);
  const settings = withBatch(asked, model.graph, options);
  const state = initialState(createRandom(settings.seed).state());
  const start: Start = { ...options, model, vocabulary, settings, state };
  const open = settings.zeroth === undefined ? HostTrainer : MezoTrainer;
  return new open(start, (session) => {
    const set = compatNamed(settings.compat)?.initialise ?? initialise;
    const values = (path: string) => session.f32(paramStorage(path));
    const initial = { seed: settings.seed, vocabulary, values };
    set(withoutAdapters(model.graph), initial);
    initialiseAdapters(model.graph, initial);
  });
}

/** A trainer whose optimizer, and whatever is not the engine's, runs on the processor. */
export class HostTrainer implements Trainer {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly parameters: number;
  readonly resumedFrom: string | undefined;
  readonly bindsData: boolean | undefined;
  readonly #data: TokenData;
  readonly #dataName: string;
  readonly #device: RecoveringSession;
  readonly #random: Random;
  readonly #microSteps: MicroSteps;
  readonly #ranks: Ranks | undefined;
  /** The engine computes one window at a time. */
  readonly #batch: number;
  #state: TrainState;
  /** Why another process has to go on; the group that is open has lost its gradients then. */
  #handsOver: Diagnostic | undefined;
  #digest: string | undefined;

  /** `fill` sets the parameters, and whatever else of the session is not zero at the start. */
  constructor(start: Start, fill: (session: Session) => void) {
    const { model, vocabulary, settings, state, data, dataName } = start;
    this.model = model;
    this.vocabulary = vocabulary;
    this.settings = settings;
    this.resumedFrom = start.resumedFrom;
    this.bindsData = start.bindsData;
    this.#ranks = start.ranks;
    this.#state = this.#kept(state);
    this.#data = data;
    this.#dataName = dataName;
    this.#random = createRandom(settings.seed);
    this.#random.restore(state.random);
    const share = engineShare(start, fill);
    if (share !== undefined && !isForChoice(state.engine, share.choice)) {
      this.#state = { ...state, engine: newEngineState(share.choice, share.scales) };
    }
    this.#batch = share === undefined ? settings.batch : 1;
    const { fallback, trace, countsBefore, recompute, ranks } = start;
    const isOff = start.engine !== undefined && isSwitchedOff(state, settings);
    const device = isOff ? withoutEngine(start.device) : start.device;
    const processor = { batch: this.#batch, recompute, ranks: ranks !== undefined };
    const optimizer = optimizerNamed(settings.optimizer);
    this.#device = new RecoveringSession({
      ...{ graph: model.graph, share, processor, optimizer, device, fallback, trace, countsBefore },
      lossScale: () => this.#state.engine?.lossScale ?? 1,
      handsOver: () => start.handsOver === true && this.#mayHandOver(start),
    });
    if (isOff) this.#device.tell(switchedOff(state.step + 1, settings));
    this.#microSteps = new MicroSteps({
      ...{ device: this.#device, model, data, rowOf: rowOfId(vocabulary), random: this.#random },
      ...{ batch: this.#batch, ranks },
    });
    this.parameters = parametersOf(model.graph);
    try {
      fill(this.#session);
      this.#rescaleGradients();
      this.restage();
      this.#repeatOpenGroup();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #paths(): string[] {
    return this.model.graph.params.filter(isTrained).map(leafName);
  }

  get #session(): Session {
    return this.#device.session;
  }

  /** The gradients of a checkpoint inside a group, with the factor that those to come will have. */
  #rescaleGradients(): void {
    const { scale: saved = 1, count } = this.#state.group;
    const factor = this.#device.lossScale / saved;
    if (count > 0 && factor !== 1) scaleGradients(this.#session, this.#paths(), factor);
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
    if (stop?.code === engineBudgetSpent.code) this.#handOver(stop);
    else if (stop !== undefined) this.#giveUp(stop);
  }

  /** A process that got no step done would be followed by one that gets none done either. */
  #mayHandOver({ countsBefore, state }: Start): boolean {
    return !this.done && (countsBefore === undefined || this.#state.step > state.step);
  }

  /** The state stays that of the last micro-step, and whoever goes on computes the open group again. */
  #handOver(why: Diagnostic): void {
    this.#handsOver = why;
    this.#state = withoutGradients(this.#state);
  }

  /** The gradients of a group that a checkpoint has without them. */
  #repeatOpenGroup(): void {
    const { step, group, random } = this.#state;
    if (group.isRepeated !== true || this.#handsOver !== undefined) return;
    this.#state = withGradients(this.#state);
    const repeat = (): void => this.#repeatGroup(group.count);
    this.#onEngine(step, repeat, repeat);
    this.#random.restore(random);
  }

  #needNoOther(): void {
    if (this.#handsOver !== undefined) throw new UserError(this.#handsOver);
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
    return this.#advance(1)[0]!;
  }

  steps(until = Infinity): readonly StepResult[] {
    const size = this.#ranks?.size;
    return this.#advance(
      batchAt(this.#state, { ...this.settings, batch: this.#batch }, until, size),
    );
  }

  #advance(count: number): readonly StepResult[] {
    invariant(!this.done, "a run that is complete has no further step");
    this.#needNoOther();
    const { step, group, updates } = this.#state;
    this.#device.clearTrace();
    const span = { begin: group.count, end: group.count + count };
    const closes = span.end === this.settings.accum || step + count === this.settings.steps;
    const run = (): void => this.#microSteps.run(span, closes);
    this.#onEngine(step + count, run, () => this.#repeatGroup(span.end));
    this.#needNoOther();
    const { losses } = this.#microSteps;
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) this.#giveUp(lossNotFinite(`step ${step + 1 + bad}`, losses[bad]!, updates));
    this.#state = afterMicroSteps(this.#state, losses, this.#random.state());
    this.#watchResidual();
    return resultsOf(step, losses, closes ? this.#closeGroup() : undefined);
  }

  /** The processor takes over for good once the residual stream was too large too often. */
  #watchResidual(): void {
    const { residualPeak } = this.#device;
    if (residualPeak === undefined) return;
    this.#state = afterResidual(this.#state, residualPeak, this.settings);
    const { step, group } = this.#state;
    if (!isSwitchedOff(this.#state, this.settings)) return;
    const trouble = switchedOff(step + 1, this.settings, residualPeak);
    this.#device.leaveEngine(trouble, () => this.#repeatGroup(group.count));
  }

  /** So many windows from the beginning of the open group. */
  #repeatGroup(count: number): void {
    this.#random.restore(this.#state.group.before.random);
    this.#microSteps.repeat(count);
  }

  finishGroup(): UpdateResult | undefined {
    const { group } = this.#state;
    if (group.count === 0) return undefined;
    this.#needNoOther();
    this.#microSteps.sum(group.count);
    return this.#closeGroup();
  }

  /** Updates with the gradients of the open group, which are summed over all ranks. */
  #closeGroup(): UpdateResult {
    const { step, updates, group } = this.#state;
    const found = groupGradient(this.#device, this.settings, group.count);
    const { nonfinite, sanitized, norm: gradNorm, clipped, scale } = found;
    if (nonfinite > 0 && this.#device.lossScale > 1) return this.#backOff();
    if (nonfinite > 0) {
      this.#giveUp(
        gradientNotFinite(updates + 1, nonfinite, firstNotFinite(this.#session, this.#paths())),
      );
    }
    const lr = rateOf(this.settings, updates, step - 1);
    const t = updates + 1;
    this.#session.f32(buffers.scalars).set(updateScalars(this.settings, { lr, t, scale }));
    this.#device.run("update");

    const { engine } = this.#state;
    const isOnEngine = engine !== undefined && this.engine !== undefined;
    const closed = afterGroup(this.#state, isOnEngine ? afterUpdate(engine) : engine);
    this.#state = { ...closed, updates: t };
    this.restage();
    const loss = group.loss / group.count;
    const update = { update: t, loss, microSteps: group.count, lr, gradNorm, clipped };
    return sanitized > 0 ? { ...update, sanitized } : update;
  }

  /** The gradient of this group overflowed on the engine: it is dropped, and the next one scaled less. */
  #backOff(): UpdateResult {
    const { group, updates } = this.#state;
    const engine = afterOverflow(this.#state.engine!);
    this.#state = afterGroup(this.#state, engine);
    this.restage();
    const loss = group.loss / group.count;
    const skipped = { lossScale: engine.lossScale };
    const nothing = { lr: 0, gradNorm: Number.POSITIVE_INFINITY, clipped: false };
    return { update: updates, loss, microSteps: group.count, ...nothing, skipped };
  }

  /** Goes back to the last update, where everything is finite, and stops. */
  #giveUp(diagnostic: Diagnostic): never {
    this.#state = beforeGroup(this.#state);
    this.#random.restore(this.#state.random);
    throw new UserError(diagnostic);
  }

  validate({ record = false } = {}): number {
    const { valStart, valTokens } = this.#data;
    const { step, updates } = this.#state;
    const { S } = this.model;
    const windows = validationWindows(this.settings, { step, valStart, valTokens, S });
    const losses = this.#microSteps.evaluate(windows);
    const loss = losses.reduce((sum, x) => sum + x, 0) / windows.length;
    if (!Number.isFinite(loss)) {
      throw new UserError(lossNotFinite(`the validation after step ${step}`, loss, updates));
    }
    if (record) this.#state = afterValidation(this.#state, loss);
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
    this.#digest ??= digestOfTokens(this.#data);
    const { vocabulary, settings } = this;
    const state = this.#kept(this.#state);
    const { lossScale } = this.#device;
    return contentsOf({
      ...{ model: this.model, vocabulary, settings, state, lossScale },
      ...{ data: this.#data, dataName: this.#dataName, digest: this.#digest },
      values: (name) => this.#session.f32(name),
    });
  }

  /** With ranks, the gradients of an open group are in all of them, and none keeps its part. */
  #kept(state: TrainState): TrainState {
    return this.#ranks === undefined ? state : withoutGradients(state);
  }

  param(path: string): Float32Array {
    return this.#session.f32(paramStorage(path));
  }

  close(): void {
    this.#device.close();
  }
}
