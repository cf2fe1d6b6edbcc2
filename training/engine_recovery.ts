/**
 * The session of a trainer, and what is done when its engine fails.
 *
 * A failure that may pass was tried again by the backend before it gets here. Then, one after another:
 *
 *   reload   another session on the engine
 *   cpu      a session of the processor alone, for the rest of the run
 *   stop     instead of `cpu`, where that is not wanted
 *
 * Parameters and moments change in `update` alone, which is the processor's work, so they are whole at
 * every failure and move to the other session as they are. The gradients of the open group may have been
 * added up in part: the group is computed again from its first window, so that a run without failures
 * copies nothing. Nothing of this is silent: every trouble is kept until it is asked for.
 */
import type { Graph } from "../compiler/ir/graph.ts";
import {
  engineGaveWay,
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
import { LOSS_SCALE } from "./engine_programs.ts";
import { openSession } from "./host_session.ts";
import { type EngineShare, trainingPlan } from "./programs.ts";
import { runTraced, type TracedCommand } from "./trace.ts";

/** A failure of the engine that the run got over. */
export interface EngineTrouble {
  /** The micro-step that was running, from 1. */
  readonly step: number;
  readonly action: "tried_again" | "reloaded" | "cpu";
  /** A warning: what failed, in the words of the system, and what was done. */
  readonly diagnostic: Diagnostic;
}

export interface RecoveryOptions {
  readonly graph: Graph;
  /** Undefined for a run on the processor. */
  readonly share?: EngineShare | undefined;
  readonly device?: DeviceOptions | undefined;
  /** Whether the processor takes over from an engine that fails for good. Default: it does. */
  readonly fallback?: boolean | undefined;
  /** Times are kept of the commands that run. */
  readonly trace?: boolean | undefined;
  /** Scale of the loss on the engine. */
  readonly lossScale: () => number;
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

export class RecoveringSession {
  readonly #options: RecoveryOptions;
  #built: BuiltPlan;
  #session: Session;
  #isOpen = true;
  #troubles: EngineTrouble[] = [];
  /** Of sessions that were closed. */
  #past: EngineCounts | undefined;
  /** Retries that were told of. */
  #told = 0;
  #trace: TracedCommand[] = [];

  /** Throws a `NativeError` if there is no such device. */
  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#built = trainingPlan(options.graph, options.share);
    this.#session = openSession(this.#built, options.device);
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

  run(program: string, { first = false } = {}): void {
    if (this.#options.trace !== true) this.#session.run(program, { first });
    else this.#trace.push(...runTraced(this.#session, this.#built, program, { first }));
  }

  /** Gives the engine the parameters and the scale of the loss; nothing without an engine. */
  stage(): void {
    if (this.#session.engine === undefined) return;
    this.#session.f32(inputStorage(LOSS_SCALE))[0] = this.lossScale;
    this.run("stage");
  }

  /**
   * Does `work` of a micro-step. When the engine fails, does `again` on a session that takes its place,
   * with the same parameters and moments. Answers why the run has to stop, if it has to: the session
   * is the processor's then, and `again` was not done on it.
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
      if (error instanceof NativeError && ENGINE_FAILURES.has(error.code)) return error;
      throw error;
    }
  }

  /** Failures that the backend has dealt with by itself. */
  #tellOfRetries(step: number): void {
    const counts = this.engineCounts;
    if (counts === undefined || counts.retries === this.#told) return;
    const diagnostic = engineTriedAgain(step, counts.retries - this.#told);
    this.#troubles.push({ step, action: "tried_again", diagnostic });
    this.#told = counts.retries;
  }

  #copyOfState(): State {
    const names = stateTensors(this.#options.graph.params, false).keys();
    return [...names].map((name) => [name, this.#session.f32(name).slice()]);
  }

  /** The session before goes first: the engine may not have room for both. */
  #reopen(kept: State, onEngine: boolean): void {
    const { graph, share, device = {} } = this.#options;
    this.#past = this.engineCounts;
    this.close();
    const { engine: _, ...processor } = device;
    if (!onEngine) this.#built = trainingPlan(graph);
    else if (share === undefined) bug("there is no engine to go back to");
    this.#session = openSession(this.#built, onEngine ? device : processor);
    this.#isOpen = true;
    for (const [name, values] of kept) this.#session.f32(name).set(values);
  }

  close(): void {
    this.#isOpen = false;
    this.#session.close();
  }
}

type State = readonly (readonly [name: string, values: Float32Array])[];
