/**
 * The switch from the engine to the processor when the residual stream gets large.
 *
 * fp16 has few digits to spare where |x| is large, and training on the engine then diverges. When the largest
 * |x| of the last residual is above `adaptive` in `adaptiveWindow` micro-steps in a row, the processor computes
 * the rest of the run, also after it was resumed.
 */
import { type Graph, nodesOf } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { engineSwitchedOff } from "../compiler/messages/training.ts";
import type { DeviceOptions } from "../runtime-native/js/index.ts";
import type { TrainState } from "./checkpoint.ts";
import type { EngineTrouble } from "./engine_recovery.ts";
import type { TrainSettings } from "./options.ts";

export interface AdaptiveState {
  /** Micro-steps in a row in which the residual was too large. */
  readonly above: number;
  /** The processor has taken over. */
  readonly isOff: boolean;
}

type AdaptiveSettings = Pick<TrainSettings, "adaptive" | "adaptiveWindow">;

/** Whether the rest of a run is the processor's. */
export function isSwitchedOff(state: TrainState, { adaptive }: AdaptiveSettings): boolean {
  return adaptive > 0 && state.adaptive?.isOff === true;
}

/** After a micro-step on the engine in which the largest |x| was `peak`; what is not a number is too large. */
export function afterResidual(
  state: TrainState,
  peak: number,
  { adaptive, adaptiveWindow }: AdaptiveSettings,
): TrainState {
  const above = peak <= adaptive ? 0 : (state.adaptive?.above ?? 0) + 1;
  return { ...state, adaptive: { above, isOff: above >= adaptiveWindow } };
}

/** What is said of the switch, or of a run that is resumed after it; `step` is the first on the processor. */
export function switchedOff(
  step: number,
  { adaptive, adaptiveWindow }: AdaptiveSettings,
  peak = Number.NaN,
): EngineTrouble {
  const diagnostic = engineSwitchedOff(step, peak, adaptive, adaptiveWindow);
  return { step, action: "switched", diagnostic };
}

export function withoutEngine({ engine: _, ...processor }: DeviceOptions = {}): DeviceOptions {
  return processor;
}

/** The last residual: what the last norm of the model reads. Undefined for a model without norms. */
export function lastResidual(graph: Graph): Node | undefined {
  return nodesOf(graph).findLast((node) => node.op.name === "rms_norm")?.inputs[0];
}
