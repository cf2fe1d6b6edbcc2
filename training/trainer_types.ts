/** What a trainer takes, does and answers with. */
import type { FileSystem } from "../compiler/support/atomic_write.ts";
import type {
  DeviceInfo,
  DeviceOptions,
  EngineCounts,
  EngineInfo,
} from "../runtime-native/js/index.ts";
import type { Scales } from "./calibrate.ts";
import type { TrainState } from "./checkpoint.ts";
import type { TokenData } from "./data/token_file.ts";
import type { EngineChoice } from "./engine_programs.ts";
import type { EngineTrouble } from "./engine_recovery.ts";
import type { ModelChoice, TrainingModel } from "./model.ts";
import type { TrainSettings } from "./options.ts";
import type { Ranks } from "./ranks.ts";
import type { TracedCommand } from "./trace.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface TrainerOptions extends ModelChoice {
  readonly data: TokenData;
  /** How the user called the data; kept in checkpoints so that a resumed run finds it. */
  readonly dataName: string;
  readonly settings?: Partial<TrainSettings>;
  readonly device?: DeviceOptions;
  /** Trains on the engine (`device.engine`), with this share of the model on it. */
  readonly engine?: EngineChoice;
  /** For the engine: scales other than those found on the first window; none for a comparison without. */
  readonly scales?: Scales;
  /** Whether the processor takes over from an engine that fails for good. Default: it does. */
  readonly fallback?: boolean;
  /** Keep the times of the last step's commands. */
  readonly trace?: boolean;
  /** Finds the batch that is the fastest; `settings.batch` has no say. Nothing on the engine. */
  readonly batch?: "auto" | undefined;
  /** Compute cheap values again for the gradients instead of keeping them: the same bits. */
  readonly recompute?: boolean;
  /**
   * When the engine compiles no more in this process, `step` throws (E0919), so that another process can
   * go on from a checkpoint. Default: such a failure is one like others.
   */
  readonly handsOver?: boolean;
  /** Other processes of the same run. On the processor, and with gradients. */
  readonly ranks?: Ranks | undefined;
}

export interface UpdateResult {
  /** Its number, from 1. */
  readonly update: number;
  /** Mean loss of its micro-steps, in nats. */
  readonly loss: number;
  readonly microSteps: number;
  readonly lr: number;
  /** Global norm of the mean gradient, before clipping. */
  readonly gradNorm: number;
  readonly clipped: boolean;
  /** With `sanitize`: elements of the gradient that were not finite, if there were any. */
  readonly sanitized?: number;
  /**
   * Present when the gradient did not fit into the engine's numbers: nothing was updated, and the loss
   * scale is now this.
   */
  readonly skipped?: { readonly lossScale: number };
}

export interface StepResult {
  /** Micro-steps done. */
  readonly step: number;
  /** Loss of its window, in nats. */
  readonly loss: number;
  /** Present when it closed a group. */
  readonly update?: UpdateResult;
}

export interface Trainer {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly device: DeviceInfo;
  /** Undefined without one, and after it gave way to the processor. */
  readonly engine: EngineInfo | undefined;
  /** What the engine has done in this run; undefined if there was none. */
  readonly engineCounts: EngineCounts | undefined;
  /** With `trace`: the commands of the last step, in the order in which they ran. */
  readonly trace: readonly TracedCommand[];
  readonly state: TrainState;
  /** Path of the checkpoint that the run goes on from; undefined for a new one. */
  readonly resumedFrom: string | undefined;
  /** The checkpoint was another program's, and knew no data before this run. */
  readonly bindsData?: boolean | undefined;
  /** Parameters of the model, with the rows of the vocabulary. */
  readonly parameters: number;
  /** Every step of the settings is done. */
  readonly done: boolean;
  /** The rate of the update that is next, or of the last one when all are done. */
  readonly lr: number;
  /**
   * One micro-step. Throws a `UserError`: E0902, E0903 and E0918, and the state is then that of the last
   * update; E0919, and it is that of the last micro-step, fit to be saved and resumed elsewhere.
   */
  step(): StepResult;
  /**
   * The micro-steps of one call of the device, in order: `settings.batch`, or one where so many do not fit
   * into the group, the run, or the micro-steps up to `until`. Throws like `step`.
   */
  steps(until?: number): readonly StepResult[];
  /** Updates with a group that is not full, if one is open. Throws like `step`. */
  finishGroup(): UpdateResult | undefined;
  /**
   * The mean loss of the validation windows, in nats; `record` makes it part of the state. Throws a
   * `UserError` (E0902) when it is not finite.
   */
  validate(options?: { readonly record?: boolean }): number;
  /** Nats per token as bits per byte of text; undefined if the data does not say how long tokens are. */
  bitsPerByte(loss: number): number | undefined;
  /** Writes a checkpoint, whole or not at all. Throws a `UserError` (E0701 to E0707). */
  save(path: string, disk?: FileSystem): void;
  /** Failures of the engine that the run got over, since the last time this was asked. */
  takeTroubles(): readonly EngineTrouble[];
  /** The values of a parameter: a view, valid until the next step, or until the trainer is closed. */
  param(path: string): Float32Array;
  /** Gives the engine the parameters again, after `param` changed them; nothing without an engine. */
  restage(): void;
  /** The sum of the open or last group's gradients of a parameter: a copy, without the loss scale. */
  gradient(path: string): Float32Array;
  close(): void;
}

/** What a run begins with. */
export interface Start {
  readonly model: TrainingModel;
  readonly vocabulary: Vocabulary;
  readonly settings: TrainSettings;
  readonly state: TrainState;
  readonly data: TokenData;
  readonly dataName: string;
  /** Path of the checkpoint that holds `state`; undefined for a new run. */
  readonly resumedFrom?: string;
  readonly bindsData?: boolean;
  readonly device?: DeviceOptions;
  readonly engine?: EngineChoice;
  readonly scales?: Scales;
  readonly fallback?: boolean;
  readonly trace?: boolean;
  readonly recompute?: boolean;
  readonly handsOver?: boolean;
  readonly ranks?: Ranks | undefined;
  /** What the engine did in earlier processes of this run. */
  readonly countsBefore?: EngineCounts;
}
