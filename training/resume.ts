/** Goes on with a run from its checkpoint, bit for bit as if it had never stopped. */
import { alreadyPastSteps, otherData, resumeConflict } from "../compiler/messages/checkpoints.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { SourceFile } from "../compiler/support/source.ts";
import { elaborate } from "../dsl/index.ts";
import type { DeviceOptions } from "../runtime-native/js/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  checkSameModel,
  checkTensors,
  floatsOf,
  modelOf,
  stateTensors,
} from "./checkpoint_model.ts";
import { checkSequence, digestOfTokens, type TokenData } from "./data/token_file.ts";
import type { EngineChoice } from "./engine_programs.ts";
import type { ModelChoice, TrainingModel } from "./model.ts";
import { completeSettings, fixedSettings, type TrainSettings } from "./options.ts";
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
}

/**
 * A trainer in the state of a checkpoint; it may be done already. Throws a `UserError`: E0725 for another
 * model, E0726 to E0728 for tensors that are not the model's, E0729 for settings that must not change,
 * E0730 for other data, E0731 for steps that are past.
 */
export function resumeTrainer(options: ResumeOptions): Trainer {
  const { checkpoint, data } = options;
  const settings = resumedSettings(checkpoint, options.settings ?? {});
  const model = modelOf(checkpoint);
  const choice = givenModel(options, model);
  if (choice !== undefined) checkSameModel(checkpoint, model, choice);
  checkTensors(checkpoint, model.graph);
  checkData(checkpoint, data, options.dataName ?? data.path);
  checkSequence(data, model.S);

  const { vocabulary, state } = checkpoint;
  const tensors = stateTensors(model.graph.params, state.group.count > 0);
  const start = {
    ...{ model, vocabulary, settings, state, data, resumedFrom: checkpoint.path },
    dataName: options.dataName ?? checkpoint.data.name,
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  };
  return new HostTrainer(start, (session) => {
    for (const [name, shape] of tensors) session.f32(name).set(floatsOf(checkpoint, name, shape));
  });
}

/** The model that was given beside the checkpoint, with the rest as in the checkpoint. */
function givenModel(options: ResumeOptions, own: TrainingModel): ModelChoice | undefined {
  const { source, overrides, entry } = options;
  if (source === undefined) {
    if (overrides === undefined && entry === undefined) return undefined;
    return { source: own.source, overrides: overrides ?? own.overrides, entry: entry ?? own.entry };
  }
  const choice = { source, overrides: overrides ?? {} };
  if (entry !== undefined) return { ...choice, entry };
  const hasSame = elaborate(source, choice).entries.some(
    (e) => e.kind === "train" && e.name === own.entry,
  );
  return hasSame ? { ...choice, entry: own.entry } : choice;
}

function resumedSettings(checkpoint: Checkpoint, given: Partial<TrainSettings>): TrainSettings {
  const { settings: saved } = checkpoint;
  for (const [name, flag] of fixedSettings) {
    const value = given[name];
    if (value !== undefined && value !== saved[name]) {
      throw new UserError(resumeConflict(flag, String(value), textOf(saved[name])));
    }
  }
  const settings = completeSettings(given, saved);
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
