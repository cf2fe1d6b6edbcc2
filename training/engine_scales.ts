/**
 * The scales of a run on the engine, as its checkpoints hold them: from equal scales come equal programs,
 * and so equal bits.
 *
 * The scale of the loss halves whenever a gradient does not fit into the engine's numbers, and doubles
 * again after many that did, up to the scale that was found on the first window.
 */
import { layoutName } from "../passes/ane/candidates.ts";
import type { ProductScale } from "../passes/ane/place_scales.ts";
import type { Scales } from "./calibrate.ts";
import type { EngineChoice } from "./engine_programs.ts";

export interface EngineState {
  /** The share of the model that the scales were found for; with the layout that `auto` stood for. */
  readonly choice: { readonly fusion: string; readonly ane: string; readonly layout?: string };
  /** The loss is multiplied by this now. */
  readonly lossScale: number;
  /** The scale that was found on the first window: it never gets larger. */
  readonly found: number;
  /** Updates since the last one that did not fit; counted only while the scale is below `found`. */
  readonly fitting: number;
  /** Scales of each program's products, null for none. */
  readonly programs: Readonly<Record<string, readonly (ProductScale | null)[]>>;
}

/** Updates that have to fit before the loss is scaled more. */
export const UPDATES_TO_GROW = 200;

export function newEngineState(choice: EngineChoice, scales: Scales): EngineState {
  const programs = [...scales.programs].map(
    ([name, list]) => [name, list.map((s) => s ?? null)] as const,
  );
  const { lossScale } = scales;
  return {
    choice: namesOf(choice),
    ...{ lossScale, found: lossScale, fitting: 0, programs: Object.fromEntries(programs) },
  };
}

/** The scales for which the programs were made. */
export function scalesOf({ found, programs }: EngineState): Scales {
  return {
    lossScale: found,
    programs: new Map(
      Object.entries(programs).map(([name, list]) => [name, list.map((s) => s ?? undefined)]),
    ),
  };
}

/** The scales of `state` fit this share: another one has other programs. */
export function isForChoice(state: EngineState | undefined, choice: EngineChoice): boolean {
  const { fusion, ane, layout } = namesOf(choice);
  const known = state?.choice;
  return known?.fusion === fusion && known.ane === ane && known.layout === layout;
}

function namesOf({ fusion, ane, layout }: EngineChoice): EngineState["choice"] {
  return { fusion, ane, ...(layout === undefined ? {} : { layout: layoutName(layout) }) };
}

/** After a gradient that did not fit. */
export function afterOverflow(state: EngineState): EngineState {
  return { ...state, lossScale: Math.max(1, state.lossScale / 2), fitting: 0 };
}

/** After an update. */
export function afterUpdate(state: EngineState): EngineState {
  if (state.lossScale >= state.found) return state;
  if (state.fitting + 1 < UPDATES_TO_GROW) return { ...state, fitting: state.fitting + 1 };
  return { ...state, lossScale: Math.min(state.found, state.lossScale * 2), fitting: 0 };
}
