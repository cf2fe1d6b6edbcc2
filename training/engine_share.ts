/**
 * What a trainer gives to the engine: the share that was chosen, with the scales of its checkpoint, or else
 * with those that fit its first window.
 */
import { inputStorage } from "../passes/lower_to_host.ts";
import type { Session } from "../runtime-native/js/index.ts";
import { isSwitchedOff } from "./adaptive.ts";
import { scalesFrom } from "./calibrate.ts";
import { copyWindow, trainWindow } from "./data/windows.ts";
import { withLayout } from "./engine_layout.ts";
import { type EngineChoice, LOSS_SCALE } from "./engine_programs.ts";
import { isForChoice, scalesOf } from "./engine_scales.ts";
import { openSession } from "./host_session.ts";
import { optimizerNamed } from "./optimizers/index.ts";
import { calibrationPlan, type EngineShare } from "./programs.ts";
import { createRandom } from "./random.ts";
import type { Start } from "./trainer_types.ts";
import { rowOfId } from "./vocabulary.ts";

/** `fill` gives a session the parameters that the run starts with. */
export function engineShare(
  start: Start,
  fill: (session: Session) => void,
): EngineShare | undefined {
  const { model, data, vocabulary, settings, state } = start;
  if (start.engine === undefined || isSwitchedOff(state, settings)) return undefined;
  const asked: EngineChoice = {
    ...start.engine,
    // Adapters stand between the products of a layer, and are the host's.
    ...(model.lora === undefined ? {} : { ane: "matmul" }),
    ...(settings.adaptive > 0 ? { isWatched: true } : {}),
  };
  const choice = withLayout(asked, start);
  if (start.scales !== undefined) return { choice, scales: start.scales };
  const { engine: known } = state;
  if (known !== undefined && isForChoice(known, choice)) return { choice, scales: scalesOf(known) };
  const { built, calibration } = calibrationPlan(
    model.graph,
    choice,
    optimizerNamed(settings.optimizer),
  );
  const session = openSession(built, start.device);
  try {
    fill(session);
    const random = createRandom(settings.seed);
    random.restore(state.random);
    const [tokens, targets] = [model.tokens, model.targets].map((x) =>
      session.i32(inputStorage(x)),
    );
    copyWindow(data.tokens, trainWindow(random, data.trainTokens, model.S), tokens!, targets!);
    toRows([tokens!, targets!], rowOfId(vocabulary));
    session.f32(inputStorage(LOSS_SCALE))[0] = 1;
    session.run("sizes");
    const read = (output: string): number => session.f32(`sizes.${output}`)[0]!;
    return { choice, scales: scalesFrom(calibration, read, settings.lossScale) };
  } finally {
    session.close();
  }
}

/** Ids as rows of a compacted table. */
export function toRows(lists: readonly Int32Array[], rowOf: ((id: number) => number) | null): void {
  if (rowOf === null) return;
  for (const ids of lists) for (let i = 0; i < ids.length; i++) ids[i] = rowOf(ids[i]!);
}
