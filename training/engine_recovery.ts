/**
 * The session of a trainer, and what is done when its engine fails.
 *
 * A failure that may pass was tried again by the backend before it gets here. Then, one after another:
 *
 *   reload   another session on the engine
 *   cpu      a session of the processor alone, for the rest of the run
 *   stop     instead of `cpu`, where that is not wanted
 *
 * Compiles are counted over all sessions of the process. Where they are at an end, and another process may
 * take over, neither happens: the trainer is told (E0919), with a session of the processor to save from.
 *
 * Parameters and moments change in `update` alone, which is the processor's work, so they are whole at
 * every failure and move to the other session as they are. The gradients of the open group may have been
 * added up in part: the group is computed again from its first window, so that a run without failures
 * copies nothing. Nothing of this is silent: every trouble is kept until it is asked for.
 */
import { type Graph, isTrained, leafName } from "../compiler/ir/graph.ts";
import {
  engineBudgetSpent,
  engineGaveWay,
  engineMended,
  engineReloaded,
  engineStopped,
  engineTriedAgain,
} from "../compiler/messages/training.ts";
import { bug } from "../compiler/support/bug.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import { inputStorage } from "../passes/lower_to_host.ts";
import type { BuiltPlan } from "../passes/plan_builder.ts";
import {
  type DeviceOptions,
  type EngineCounts,
  NativeError,
  type Session,
} from "../runtime-native/js/index.ts";
import { stateTensors } from "./checkpoint_model.ts";
import { GRADIENT_PEAK, LOSS_SCALE, RESIDUAL_PEAK } from "./engine_programs.ts";
import { openSession } from "./host_session.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import { buffers, type EngineShare, type ProcessorChoice, trainingPlan } from "./programs.ts";
import { runTraced, type TracedCommand } from "./trace.ts";

/** A failure of the engine that the run got over. */
export interface EngineTrouble {
  /** The micro-step that was running, from 1. */
  readonly step: number;
  readonly action: "tried_again" | "mended" | "reloaded" | "cpu" | "switched" | "handed_over";
  /** A warning: what failed, in the words of the system, and what was done. */
  readonly diagnostic: Diagnostic;
}

export interface RecoveryOptions {
  readonly graph: Graph;
  /** Undefined for a run on the processor. */
  readonly share?: EngineShare | undefined;
  /** How the processor computes micro-steps. */
  readonly processor?: ProcessorChoice | undefined;
  readonly optimizer: Optimizer;
  readonly device?: DeviceOptions | undefined;
  /** Whether the processor takes over from an engine that fails for good. Default: it does. */
  readonly fallback?: boolean | undefined;
  /** Times are kept of the commands that run. */
  readonly trace?: boolean | undefined;
  /** Scale of the loss on the engine. */
  readonly lossScale: () => number;
  /** Whether another process may take over now. Default: it may not. */
  readonly handsOver?: (() => boolean) | undefined;
  /** What the engine did in earlier processes of this run. */
  readonly countsBefore?: EngineCounts | undefined;
}

/** What of the engine fails, rather than of us, by code. */
const ENGINE_FAILURES: ReadonlySet<string> = new Set([
  "E0620",
  "E0621",
  "E0622",
  "E0623",
  "E0624",
  "E0625",
  "E0627",
]);

export function isEngineFailure(error: unknown): error is NativeError {
  return error instanceof NativeError && ENGINE_FAILURES.has(error.code);
}

const MICRO_STEP = "micro_step";

/**
 * The largest gradient that may be read. Sums end at 2^15, inside of programs too, where nobody looks; scales
 * are found such that no gradient is above 2^8.
 */
const MOST_READ = 2 ** 13;

/** A program was refused, or the budget of compiles is spent: a fresh process may compile it. */
const COMPILE_FAILURES: ReadonlySet<string> = new Set(["E0621", "E0624"]);

export class RecoveringSession {
  readonly #options: RecoveryOptions;
  #built: BuiltPlan;
  #session: Session;
  /** Compiles that this process may do; 0 for no end. */
  readonly #budget: number;
  #isOpen = true;
  #troubles: EngineTrouble[] = [];
  /** Of sessions that were closed, and of earlier processes. */
  #past: EngineCounts | undefined;
  /** What sessions that were closed had mended, not told yet. */
  readonly #notes: string[] = [];
  /** Values that did not fit when they were written, as far as they were looked at. */
  #overflows = 0;
  /** Retries that were told of. */
  #told = 0;
  #trace: TracedCommand[] = [];

  /** Throws a `NativeError` if there is no such device. */
  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#past = options.countsBefore;
    this.#overflows = options.countsBefore?.overflows ?? 0;
    this.#told = options.countsBefore?.retries ?? 0;
    const { graph, share, processor, optimizer } = options;
    this.#built = trainingPlan(graph, share, processor, optimizer);
    this.#session = openSession(this.#built, options.device);
    this.#budget = this.#session.engine?.compileBudget ?? 0;
  }

  /** The session that is open; another one after a failure. */
  get session(): Session {
    return this.#session;
  }

  /** Scale of the loss and so of the gradients: 1 on the processor. */
  get lossScale(): number {
    return this.#session.engine === undefined ? 1 : this.#options.lossScale();
  }

  /** Of all sessions on the engine; undefined if there was none. */
  get engineCounts(): EngineCounts | undefined {
    const now = this.#isOpen ? this.#session.engineCounts() : undefined;
    const past = this.#past;
    if (now === undefined || past === undefined) return now ?? past;
    const names = Object.keys(now) as (keyof EngineCounts)[];
    return Object.fromEntries(names.map((n) => [n, past[n] + now[n]])) as unknown as EngineCounts;
  }

  /** Largest magnitude in the last residual of the last micro-step; undefined where it is not watched. */
  get residualPeak(): number | undefined {
    const isWatched = this.#built.plan.buffers.some((b) => b.name === RESIDUAL_PEAK);
    return isWatched ? this.#session.f32(RESIDUAL_PEAK)[0] : undefined;
  }

  /** Goes on on the processor, where `again` computes the open group, and says so. */
  leaveEngine(trouble: EngineTrouble, again: () => void): void {
    this.#reopen(this.#copyOfState(), false);
    again();
    this.#troubles.push(trouble);
  }

  /** Keeps a trouble until it is asked for. */
  tell(trouble: EngineTrouble): void {
    this.#troubles.push(trouble);
  }

  /** The troubles since the last time this was asked. */
  takeTroubles(): readonly EngineTrouble[] {
    const taken = this.#troubles;
    this.#troubles = [];
    return taken;
  }

  /** With `trace`: the commands that ran since `clearTrace`. */
  get trace(): readonly TracedCommand[] {
    return this.#trace;
  }

  clearTrace(): void {
    this.#trace = [];
  }

  run(program: string, { first = false, last = false } = {}): void {
    this.#run(program, { first, last });
    if (program === MICRO_STEP && this.lossScale > 1 && this.#isBeyondRange())
      this.#spoilGradients();
  }

  /** Whether a gradient of the last micro-step was near the end of the engine's numbers, or beyond it. */
  #isBeyondRange(): boolean {
    const isGradient = this.#built.plan.buffers.some((b) => b.name === GRADIENT_PEAK);
    // Of the forward products alone, nothing depends on the scale.
    if (this.#session.engine === undefined || !isGradient) return false;
    const overflows = this.engineCounts?.overflows ?? 0;
    const isCut = overflows > this.#overflows;
    this.#overflows = overflows;
    return isCut || !(this.#session.f32(GRADIENT_PEAK)[0]! < MOST_READ);
  }

  /**
   * The engine reads what left its range as a number, so that a wrong gradient may look like any other. An
   * infinity keeps the group from its update, also if another process closes it.
   */
  #spoilGradients(): void {
    const param = this.#options.graph.params.find(isTrained);
    this.#session.f32(buffers.gradient(leafName(param!)))[0] = Number.POSITIVE_INFINITY;
  }

  #run(program: string, when: { readonly first: boolean; readonly last: boolean }): void {
    if (this.#options.trace !== true) this.#session.run(program, when);
    else this.#trace.push(...runTraced(this.#session, this.#built, program, when));
  }

  /** Gives the engine the parameters and the scale of the loss; nothing without an engine. */
  stage(): void {
    if (this.#session.engine === undefined) return;
    this.#session.f32(inputStorage(LOSS_SCALE))[0] = this.lossScale;
    this.run("stage");
  }

  /**
   * Does `work` of a micro-step. When the engine fails, does `again` on a session that takes its place,
   * with the same parameters and moments. Answers why the run has to stop (E0918) or to go on in another
   * process (E0919), if it has to: the session is the processor's then, and `again` was not done on it.
   */
  attempt(step: number, work: () => void, again: () => void): Diagnostic | undefined {
    const first = this.#failureOf(work);
    this.#tellOfRetries(step);
    if (first === undefined) return undefined;

    const kept = this.#copyOfState();
    const last = this.#failureOf(() => {
      this.#reopen(kept, true);
      this.stage();
      again();
    });
    this.#tellOfRetries(step);
    if (last === undefined) {
      const diagnostic = engineReloaded(step, first.message, first.detail);
      this.#troubles.push({ step, action: "reloaded", diagnostic });
      return undefined;
    }
    this.#reopen(kept, false);
    const isForAnother = COMPILE_FAILURES.has(last.code) && this.#options.handsOver?.() === true;
    if (isForAnother) return engineBudgetSpent(step, last.message, last.detail);
    if (this.#options.fallback === false) return engineStopped(step, last.message, last.detail);
    again();
    const diagnostic = engineGaveWay(step, last.message, last.detail);
    this.#troubles.push({ step, action: "cpu", diagnostic });
    return undefined;
  }

  /** What the engine failed with; anything else that goes wrong is thrown. */
  #failureOf(work: () => void): NativeError | undefined {
    try {
      work();
      return undefined;
    } catch (error) {
      if (isEngineFailure(error)) return error;
      throw error;
    }
  }

  /** Failures that the backend has dealt with by itself, in its words. */
  #tellOfRetries(step: number): void {
    const notes = [...this.#notes.splice(0), ...(this.#isOpen ? this.#session.takeNotes() : [])];
    const retries = this.engineCounts?.retries ?? this.#told;
    if (retries !== this.#told) {
      const diagnostic = engineTriedAgain(step, retries - this.#told, notes);
      this.#troubles.push({ step, action: "tried_again", diagnostic });
    } else if (notes.length > 0) {
      this.#troubles.push({ step, action: "mended", diagnostic: engineMended(step, notes) });
    }
    this.#told = retries;
  }

  #copyOfState(): State {
    const { graph, optimizer } = this.#options;
    const names = stateTensors(graph.params, optimizer.moments, false).keys();
    return [...names].map((name) => [name, this.#session.f32(name).slice()]);
  }

  /** The session before goes first: the engine may not have room for both. */
  #reopen(kept: State, onEngine: boolean): void {
    const { graph, share, processor: choice, optimizer } = this.#options;
    this.#past = this.engineCounts;
    if (this.#isOpen) this.#notes.push(...this.#session.takeNotes());
    const device = this.#deviceWithBudget();
    this.close();
    const { engine: _, ...processor } = device;
    if (!onEngine) this.#built = trainingPlan(graph, undefined, choice, optimizer);
    else if (share === undefined) bug("there is no engine to go back to");
    if (onEngine && this.#budget > 0 && (device.engine?.compileBudget ?? 1) <= 0)
      throw budgetSpent(this.#budget);
    this.#session = openSession(this.#built, onEngine ? device : processor);
    this.#isOpen = true;
    for (const [name, values] of kept) this.#session.f32(name).set(values);
  }

  /** The device for another session: what is left of the compiles of this process goes with it. */
  #deviceWithBudget(): DeviceOptions {
    const { device = {}, countsBefore } = this.#options;
    if (device.engine === undefined || this.#budget === 0) return device;
    const spent = (this.#past?.compiles ?? 0) - (countsBefore?.compiles ?? 0);
    return { ...device, engine: { ...device.engine, compileBudget: this.#budget - spent } };
  }

  close(): void {
    this.#isOpen = false;
    this.#session.close();
  }
}

/** No session is opened that could not compile: to the runtime a budget of 0 is no end. */
function budgetSpent(budget: number): NativeError {
  return new NativeError({
    code: "E0624",
    message: `this process has compiled ${budget} programs, as many as it may`,
    detail: "",
  });
}

type State = readonly (readonly [name: string, values: Float32Array])[];
