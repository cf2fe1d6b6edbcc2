/** The session of a run without gradients, and what a step asks of it. */
import { inputStorage, paramStorage } from "../../passes/lower_to_host.ts";
import type { Session } from "../../runtime-native/js/index.ts";
import { type Scales, scalesFrom } from "../calibrate.ts";
import { copyWindow } from "../data/windows.ts";
import { toRows } from "../engine_share.ts";
import { openSession } from "../host_session.ts";
import { buffers } from "../programs.ts";
import type { Start } from "../trainer_types.ts";
import { rowOfId } from "../vocabulary.ts";
import { autoaneParams, movedParams } from "./order.ts";
import { halvesOf, type Move } from "./perturb.ts";
import { mezoBuffers, mezoCalibration, mezoPlan, restages } from "./programs.ts";
import { wideState } from "./random.ts";

/** Sets the ids of a window. */
type SetWindow = (session: Session, position: number) => void;

export class MezoDevice {
  readonly session: Session;
  readonly #isStream: boolean;
  readonly #restages: boolean;
  readonly #setWindow: SetWindow;

  /** `fill` gives a session its parameters; `position` is a window to measure the engine's products on. */
  constructor(start: Start, fill: (session: Session) => void, position: number) {
    const { model, vocabulary, settings, device } = start;
    this.#isStream = settings.compat === "autoane";
    const { graph } = model;
    const moved = this.#isStream ? autoaneParams(graph, vocabulary) : movedParams(graph);
    this.#setWindow = windowSetter(start);
    const hasEngine = start.engine !== undefined;
    const scales = hasEngine ? this.#measure(start, fill, position) : undefined;
    this.#restages = hasEngine && restages(model);
    this.session = openSession(mezoPlan({ graph, moved, scales }), device);
    try {
      fill(this.session);
      const map = moved.find((m) => m.layout?.map !== undefined)?.layout?.map;
      if (map !== undefined) this.session.i32(mezoBuffers.map).set(map);
      this.stage();
    } catch (error) {
      this.session.close();
      throw error;
    }
  }

  #measure(start: Start, fill: (session: Session) => void, position: number): Scales {
    const { built, calibration } = mezoCalibration(start.model.graph);
    const { engine: _, ...processor } = start.device ?? {};
    const session = openSession(built, processor);
    try {
      fill(session);
      this.#setWindow(session, position);
      session.run("sizes");
      return scalesFrom(calibration, (output) => session.f32(`sizes.${output}`)[0]!);
    } finally {
      session.close();
    }
  }

  /** Moves every trained parameter by the signs of a seed. */
  move(seed: bigint, { add, more, grid }: Move): void {
    const key = halvesOf(this.#isStream ? wideState(seed) : [seed]);
    this.session.i32(mezoBuffers.key).set(key);
    this.session.f32(mezoBuffers.move).set([add, more, grid]);
    this.session.run("perturb");
  }

  /** The loss of a window with the parameters as they are. */
  loss(position: number): number {
    if (this.#restages) this.stage();
    this.#setWindow(this.session, position);
    this.session.run("evaluate");
    return this.session.f32(buffers.evaluatedLoss)[0]!;
  }

  /** Gives the engine all weights; nothing without one. */
  stage(): void {
    if (this.session.engine !== undefined) this.session.run("stage");
  }

  param(path: string): Float32Array {
    return this.session.f32(paramStorage(path));
  }

  close(): void {
    this.session.close();
  }
}

function windowSetter({ model, data, vocabulary }: Start): SetWindow {
  const rowOf = rowOfId(vocabulary);
  return (session, position) => {
    const [tokens, targets] = [model.tokens, model.targets].map((x) =>
      session.i32(inputStorage(x)),
    ) as [Int32Array, Int32Array];
    copyWindow(data.tokens, position, tokens, targets);
    toRows([tokens, targets], rowOf);
  };
}
