/**
 * Runs a trainer to its end: validations, checkpoints, a time limit, and a stop from outside.
 *
 *     const run = startRun({ trainer, out: "model.ckpt", onEvent });
 *     process.once("SIGINT", run.requestStop);
 *     await run.finished;
 *
 * However a run ends, it ends with a validation and a checkpoint. When its steps are done or its time is
 * up, a group that is not full is applied first, so that nothing it learnt is lost. When it is asked to
 * stop, the open group goes into the checkpoint as it is, and a resumed run goes on inside it. A resumed run
 * that has nothing left to do leaves its checkpoint as it is.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { folderNotFound, isAFolder, withFileErrors } from "../compiler/messages/files.ts";
import { rankLost } from "../compiler/messages/ranks.ts";
import {
  badTrainOption,
  engineBudgetSpent,
  engineHandedOver,
  engineStopped,
} from "../compiler/messages/training.ts";
import { diskFileSystem, type FileSystem, fileFaultOf } from "../compiler/support/atomic_write.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { EngineTrouble } from "./engine_recovery.ts";
import { needWhole } from "./options.ts";
import { lostRank, type Ranks } from "./ranks.ts";
import type { StepResult, Trainer } from "./trainer.ts";

export type EndReason = "steps" | "time" | "stopped";

/** What happens during a run. Losses are in nats per token. */
export type TrainEvent =
  | ({ readonly kind: "step"; readonly lr: number; readonly tokens: number } & StepResult &
      Bits & {
        /** Micro-steps of the call of the device that it was part of. */
        readonly windows: number;
      })
  | ({ readonly kind: "validation"; readonly step: number; readonly loss: number } & Bits & {
        /** The lowest of the run so far. */
        readonly isBest: boolean;
        readonly isFinal: boolean;
      })
  | { readonly kind: "saved"; readonly step: number; readonly path: string }
  /** A checkpoint between could not be written; training goes on. */
  | {
      readonly kind: "save_failed";
      readonly step: number;
      readonly diagnostics: readonly Diagnostic[];
    }
  /** The engine failed, and the run got over it. */
  | ({ readonly kind: "engine" } & EngineTrouble)
  | { readonly kind: "end"; readonly step: number; readonly reason: EndReason };

interface Bits {
  /** Bits per byte of text, if the data says how long tokens are. */
  readonly bitsPerByte?: number;
}

export interface RunOptions {
  readonly trainer: Trainer;
  /** Path of the checkpoint; none is written without it. */
  readonly out?: string;
  /** Micro-steps between checkpoints; 0, the default, for only the last one. */
  readonly saveEvery?: number;
  /** Micro-steps that were done before, for a process that goes on with the run of another one. */
  readonly from?: number;
  /** Seconds after which the run ends, counted from its start. */
  readonly time?: number;
  /** Other processes of the same run, with the same options: one of them saves, and rank 0 has the clock. */
  readonly ranks?: Ranks | undefined;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Milliseconds of some clock; tests replace it. */
  readonly now?: () => number;
  readonly disk?: FileSystem;
}

export interface RunResult {
  readonly reason: EndReason;
  /** Micro-steps of this run. */
  readonly steps: number;
  /** Of the last step; null if there was none yet. */
  readonly loss: number | null;
  readonly validationLoss: number;
}

export interface Run {
  /**
   * Rejects with a `UserError` when training must stop (E0902, E0903, E0918) or the last save fails. A
   * run that the engine stopped (E0918) has saved the state of its last update before. One that another
   * process has to go on with (E0919) has saved nothing: that is left to the caller.
   */
  readonly finished: Promise<RunResult>;
  /** Finishes the step that is running, saves, and ends. */
  requestStop(): void;
}

/** Starts a run. Throws a `UserError` at once for an option or a path that cannot be used. */
export function startRun(options: RunOptions): Run {
  const { time, saveEvery = 0, out } = options;
  needWhole("save-every", saveEvery, 0);
  if (time !== undefined && !(time > 0 && time < Infinity)) {
    throw new UserError(badTrainOption("time", String(time), "a number of seconds above 0"));
  }
  if (out !== undefined && options.ranks?.saves !== false) needWritable(out);
  let stopped = false;
  const finished = new Runner(options, () => stopped).run();
  return {
    finished,
    requestStop: () => {
      stopped = true;
    },
  };
}

/** Says before a long run what a save would say after it. */
function needWritable(path: string): void {
  const folder = dirname(path);
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UserError(isAFolder(path, "write"));
  }
  if (!fs.existsSync(folder)) throw new UserError(folderNotFound(path));
  withFileErrors(() => {
    try {
      fs.accessSync(folder, fs.constants.W_OK);
    } catch (error) {
      throw fileFaultOf(error, path, "write");
    }
  });
}

/** Whether two paths lead to one file that exists. */
function isSameFile(path: string, other: string | undefined): boolean {
  if (other === undefined || !fs.existsSync(path) || !fs.existsSync(other)) return false;
  return fs.realpathSync(path) === fs.realpathSync(other);
}

class Runner {
  readonly #options: RunOptions;
  readonly #trainer: Trainer;
  readonly #isStopped: () => boolean;
  readonly #now: () => number;

  constructor(options: RunOptions, isStopped: () => boolean) {
    this.#options = options;
    this.#trainer = options.trainer;
    this.#isStopped = isStopped;
    this.#now = options.now ?? (() => performance.now());
  }

  async run(): Promise<RunResult> {
    try {
      return await this.#steps();
    } catch (error) {
      const lost = lostRank(error);
      if (lost !== undefined) this.#endWithout(lost);
      if (!(error instanceof UserError)) throw error;
      const [diagnostic] = error.diagnostics;
      if (diagnostic?.code === engineStopped.code) {
        this.#tellTroubles();
        this.#saveOnTheWay();
      }
      if (diagnostic?.code === engineBudgetSpent.code) this.#tellOfAnother(diagnostic);
      throw error;
    }
  }

  async #steps(): Promise<RunResult> {
    const trainer = this.#trainer;
    const { valEvery } = trainer.settings;
    const { time = Infinity, saveEvery = 0 } = this.#options;
    const from = this.#options.from ?? trainer.state.step;
    const wasDone = trainer.done && trainer.state.group.count === 0;
    const start = this.#now();
    await nextTurn();
    this.#tellTroubles();
    if (valEvery > 0 && trainer.state.validation.last === null) this.#validate();

    let reason: EndReason = "steps";
    while (!trainer.done) {
      const isOver = this.#now() - start >= time * 1000;
      reason = this.#agreed(this.#isStopped() ? "stopped" : isOver ? "time" : "steps");
      if (reason !== "steps") break;
      const { lr } = trainer;
      // A batch does not go beyond a micro-step at which something else happens.
      const { step: before } = trainer.state;
      const results = trainer.steps(Math.min(after(before, valEvery), after(before, saveEvery)));
      this.#tellTroubles();
      for (const result of results) {
        this.#emit({
          kind: "step",
          ...{ ...result, lr: result.update?.lr ?? lr, tokens: trainer.model.S },
          windows: results.length,
          ...this.#bits(result.loss),
        });
      }
      const { step } = trainer.state;
      if (valEvery > 0 && step % valEvery === 0 && !trainer.done) this.#validate();
      if (saveEvery > 0 && step % saveEvery === 0 && !trainer.done) this.#saveOnTheWay();
      // The signals and timers of the program get their turn.
      await nextTurn();
    }
    return this.#end(reason, from, wasDone);
  }

  /** Ctrl-C on any rank stops all, and the time is up when rank 0 says so. */
  #agreed(own: EndReason): EndReason {
    const { ranks } = this.#options;
    if (ranks === undefined) return own;
    const wishes = ranks.numbers([REASONS.indexOf(own)]).map(([wish]) => REASONS[wish!]!);
    return wishes.includes("stopped") ? "stopped" : wishes[0]!;
  }

  /** The state is that of the last micro-step that all ranks had done. */
  #endWithout(rank: number): never {
    const { ranks, out } = this.#options;
    ranks?.lose(rank);
    this.#saveOnTheWay();
    const { step } = this.#trainer.state;
    throw new UserError(rankLost(rank, ranks?.size ?? 1, step, out));
  }

  #end(reason: EndReason, from: number, wasDone: boolean): RunResult {
    const trainer = this.#trainer;
    // What a stopped run sees here is not part of the run that it is resumed as.
    const isOver = reason !== "stopped";
    const isUpdated = isOver && trainer.finishGroup() !== undefined;
    this.#tellTroubles();
    const { step, lastLoss, validation } = trainer.state;
    const isKnown = validation.last?.step === step && !isUpdated;
    const { out, ranks } = this.#options;
    const isThere = wasDone && out !== undefined && isSameFile(out, trainer.resumedFrom);
    // `mpirun` leaves a process that it stops a second.
    const savesFirst = ranks !== undefined && !isOver;
    if (savesFirst && out !== undefined) this.#save(out);
    const validationLoss = isKnown ? validation.last.loss : this.#validate(true, isOver);
    if (!savesFirst && out !== undefined && !isThere) this.#save(out);
    this.#emit({ kind: "end", step, reason });
    return { reason, steps: step - from, loss: lastLoss, validationLoss };
  }

  #validate(isFinal = false, record = true): number {
    const loss = this.#trainer.validate({ record });
    const { step, validation } = this.#trainer.state;
    const isBest = validation.best?.step === step;
    this.#emit({ kind: "validation", step, loss, ...this.#bits(loss), isBest, isFinal });
    return loss;
  }

  #save(path: string): void {
    if (this.#options.ranks?.saves === false) return;
    this.#trainer.save(path, this.#options.disk ?? diskFileSystem);
    this.#emit({ kind: "saved", step: this.#trainer.state.step, path });
  }

  /** A disk that is full now may have room at the end. */
  #saveOnTheWay(): void {
    const { out } = this.#options;
    if (out === undefined) return;
    try {
      this.#save(out);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { step } = this.#trainer.state;
      this.#emit({ kind: "save_failed", step, diagnostics: error.diagnostics });
    }
  }

  #tellOfAnother({ notes = [] }: Diagnostic): void {
    this.#tellTroubles();
    const step = this.#trainer.state.step + 1;
    const diagnostic = engineHandedOver(step, notes.map(([, words]) => words).join("\n"));
    this.#emit({ kind: "engine", step, action: "handed_over", diagnostic });
  }

  #tellTroubles(): void {
    for (const trouble of this.#trainer.takeTroubles()) this.#emit({ kind: "engine", ...trouble });
  }

  #bits(loss: number): Bits {
    const bitsPerByte = this.#trainer.bitsPerByte(loss);
    return bitsPerByte === undefined ? {} : { bitsPerByte };
  }

  #emit(event: TrainEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** The next multiple of `every` after `step`; never, if that is 0. */
function after(step: number, every: number): number {
  return every > 0 ? (Math.floor(step / every) + 1) * every : Infinity;
}

const REASONS: readonly EndReason[] = ["steps", "time", "stopped"];

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
