/** Goes on with a run from its checkpoint, bit for bit as if it had never stopped. */
import { alreadyPastSteps, otherData, resumeConflict } from "../compiler/messages/checkpoints.ts";
import { mezoNeedsOther } from "../compiler/messages/fine_tuning.ts";
import { engineGaveWay, engineStopped } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import type { DeviceOptions, EngineCounts } from "../runtime-native/js/index.ts";
import { withBatch } from "./batches.ts";
import { boundTo, isUnbound } from "./bind_data.ts";
import { type Checkpoint, hasGradients } from "./checkpoint.ts";
import {
  checkSameModel,
  checkTensors,
  floatsOf,
  modelOf,
  stateTensors,
  withEntry,
} from "./checkpoint_model.ts";
import { checkSequence, digestOfTokens, type TokenData } from "./data/token_file.ts";
import type { EngineChoice } from "./engine_programs.ts";
import { type EngineTrouble, isEngineFailure } from "./engine_recovery.ts";
import { MezoTrainer } from "./mezo/trainer.ts";
import type { ModelChoice, TrainingModel } from "./model.ts";
import { momentsOf } from "./optimizers/index.ts";
import { completeSettings, fixedSettings, type TrainSettings } from "./options.ts";
import type { Ranks } from "./ranks.ts";
import { HostTrainer, type Trainer } from "./trainer.ts";

export interface ResumeOptions {
  readonly checkpoint: Checkpoint;
  readonly data: TokenData;
  /** How the user called the data; unless given, as in the checkpoint. */
  readonly dataName?: string;
  /** Unless given, the checkpoint's own model. If given, it must be the same one. */
  readonly source?: SourceFile;
  readonly entry?: string;
  readonly overrides?: Readonly<Record<string, number>>;
  /** Only what is to change. */
  readonly settings?: Partial<TrainSettings>;
  readonly device?: DeviceOptions;
  readonly engine?: EngineChoice;
  readonly fallback?: boolean;
  readonly trace?: boolean;
  readonly batch?: "auto" | undefined;
  readonly recompute?: boolean;
  readonly handsOver?: boolean;
  readonly ranks?: Ranks | undefined;
  readonly countsBefore?: EngineCounts | undefined;
}

/**
 * A trainer in the state of a checkpoint; it may be done already. Throws a `UserError`: E0725 for another
 * model, E0726 to E0728 for tensors that are not the model's, E0729 for settings that must not change,
 * E0730 for other data, E0731 for steps that are past. A run of another program is bound to the data (E0739).
 */
export function resumeTrainer(options: ResumeOptions): Trainer {
  const { data, dataName = data.path, settings: given = {} } = options;
  const bindsData = isUnbound(options.checkpoint);
  const checkpoint = bindsData
    ? boundTo(options.checkpoint, data, dataName, given)
    : options.checkpoint;
  const asked = resumedSettings(checkpoint, given);
  const model = modelOf(checkpoint);
  const settings = withBatch(asked, model.graph, options);
  const choice = givenModel(options, model);
  if (choice !== undefined) checkSameModel(checkpoint, model, choice);
  checkTensors(checkpoint, model.graph);
  checkData(checkpoint, data, dataName);
  checkSequence(data, model.S);

  const { vocabulary, state } = checkpoint;
  const moments = momentsOf(settings);
  const tensors = stateTensors(model.graph.params, moments, hasGradients(state));
  const start = {
    ...{ model, vocabulary, settings, state, data, resumedFrom: checkpoint.path, bindsData },
    dataName: options.dataName ?? checkpoint.data.name,
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    ...(options.handsOver === undefined ? {} : { handsOver: options.handsOver }),
    ...(options.recompute === undefined ? {} : { recompute: options.recompute }),
    ...(options.ranks === undefined ? {} : { ranks: options.ranks }),
    ...(options.countsBefore === undefined ? {} : { countsBefore: options.countsBefore }),
  };
  const open = settings.zeroth === undefined ? HostTrainer : MezoTrainer;
  return new open(start, (session) => {
    for (const [name, shape] of tensors) session.f32(name).set(floatsOf(checkpoint, name, shape));
  });
}

/**
 * Goes on with the run of another process, which could compile no more. If the engine cannot be opened here
 * either, the processor goes on, and `trouble` says so; with `fallback: false` a `UserError` (E0918) does, and
 * the run is saved to `out`.
 */
export function resumeHandedOver(
  options: ResumeOptions,
  out: string,
): { readonly trainer: Trainer; readonly trouble?: EngineTrouble } {
  try {
    return { trainer: resumeTrainer(options) };
  } catch (error) {
    if (!isEngineFailure(error)) throw error;
    const { device: { engine: _, ...device } = {}, engine: __, fallback, ...rest } = options;
    const trainer = resumeTrainer({ ...rest, device });
    const step = trainer.state.step + 1;
    if (fallback === false) {
      trainer.save(out);
      trainer.close();
      throw new UserError(engineStopped(step, error.message, error.detail));
    }
    const diagnostic = engineGaveWay(step, error.message, error.detail);
    return { trainer, trouble: { step, action: "cpu", diagnostic } };
  }
}

/** The model that was given beside the checkpoint, with the rest as in the checkpoint. */
function givenModel(options: ResumeOptions, own: TrainingModel): ModelChoice | undefined {
  const { source, overrides, entry } = options;
  if (source === undefined) {
    if (overrides === undefined && entry === undefined) return undefined;
    return { source: own.source, overrides: overrides ?? own.overrides, entry: entry ?? own.entry };
  }
  const choice = { source, overrides: overrides ?? {} };
  return entry === undefined ? withEntry(choice, own.entry) : { ...choice, entry };
}

function resumedSettings(checkpoint: Checkpoint, given: Partial<TrainSettings>): TrainSettings {
  const { settings: saved } = checkpoint;
  // Everything of the method but its name is the checkpoint's.
  const { zeroth: _, ...rest } = given;
  const method = (settings: Partial<TrainSettings>): string =>
    settings.zeroth?.method ?? "backprop";
  if (Object.hasOwn(given, "zeroth") && method(given) !== method(saved)) {
    throw new UserError(mezoNeedsOther(checkpoint.path, method(saved), method(given)));
  }
  for (const [name, flag] of fixedSettings) {
    const value = given[name];
    if (value !== undefined && value !== saved[name]) {
      throw new UserError(resumeConflict(flag, String(value), textOf(saved[name])));
    }
  }
  const settings = completeSettings(rest, saved);
  const { step } = checkpoint.state;
  if (settings.steps !== null && settings.steps < step) {
    throw new UserError(alreadyPastSteps(checkpoint.path, step, settings.steps));
  }
  return settings;
}

function textOf(value: TrainSettings[keyof TrainSettings]): string | null {
  return value === null ? null : String(value);
}

function checkData({ data: saved }: Checkpoint, data: TokenData, name: string): void {
  if (data.tokens.length === saved.tokens && digestOfTokens(data) === saved.digest) return;
  throw new UserError(otherData(name, data.tokens.length, saved.name, saved.tokens));
}
