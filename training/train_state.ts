/** How the state of a run changes: from nothing, by micro-steps, updates, and groups that are given up. */
import type { Score, TrainState } from "./checkpoint.ts";
import type { EngineState } from "./engine_scales.ts";
import type { RandomState } from "./random.ts";

/** Before the first micro-step. */
export function initialState(random: RandomState): TrainState {
  return {
    ...{ step: 0, updates: 0, random, lastLoss: null },
    group: { count: 0, loss: 0, before: { random, lastLoss: null } },
    validation: { last: null, best: null },
  };
}

/** More micro-steps in the open group; `random` is what the windows after them are drawn from. */
export function afterMicroSteps(
  state: TrainState,
  losses: readonly number[],
  random: RandomState,
): TrainState {
  const { step, group, lastLoss } = state;
  const loss = losses.reduce((sum, x) => sum + x, group.loss);
  return {
    ...state,
    ...{ step: step + losses.length, random, lastLoss: losses.at(-1) ?? lastLoss },
    group: { ...group, count: group.count + losses.length, loss },
  };
}

/** The group is closed, with an update or without. */
export function afterGroup(state: TrainState, engine = state.engine): TrainState {
  const { random, lastLoss } = state;
  const group = { count: 0, loss: 0, before: { random, lastLoss } };
  return { ...state, group, ...withEngine(engine) };
}

function withEngine(engine: EngineState | undefined) {
  return engine === undefined ? {} : { engine };
}

/** Back to the last update, where everything is finite. */
export function beforeGroup(state: TrainState): TrainState {
  const { step, group } = state;
  const { random, lastLoss } = group.before;
  return {
    ...state,
    ...{ step: step - group.count, random, lastLoss },
    group: { count: 0, loss: 0, before: { random, lastLoss } },
  };
}

/** The gradients of the open group are gone: whoever goes on computes its windows again. */
export function withoutGradients(state: TrainState): TrainState {
  const { group } = state;
  return group.count === 0 ? state : { ...state, group: { ...group, isRepeated: true } };
}

/** The gradients of the open group were computed again. */
export function withGradients(state: TrainState): TrainState {
  const { isRepeated: _, ...group } = state.group;
  return { ...state, group };
}

export function afterValidation(state: TrainState, loss: number): TrainState {
  const last: Score = { step: state.step, loss };
  const { best } = state.validation;
  return { ...state, validation: { last, best: best === null || loss < best.loss ? last : best } };
}
