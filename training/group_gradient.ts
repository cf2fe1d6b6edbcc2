/**
 * What the gradients of a group come to: whether they are finite, how large they are, and the factor that an
 * update takes them with.
 *
 *     factor = 1 / (terms · lossScale) · (norm > clip ? clip / norm : 1)
 */
import type { Session } from "../runtime-native/js/index.ts";
import { compatNamed } from "./compat/index.ts";
import type { TrainSettings } from "./options.ts";
import { buffers } from "./programs.ts";

/** What an infinity of the mean gradient becomes when it is sanitised: the largest number of fp16. */
export const SANITIZED_LIMIT = 65504;

export interface GroupGradient {
  /** Elements that are not finite. */
  readonly nonfinite: number;
  /** Elements that were not, and are now. */
  readonly sanitized: number;
  /** Global norm of the mean gradient. */
  readonly norm: number;
  readonly clipped: boolean;
  /** Factor of the sums of gradients. */
  readonly scale: number;
}

/** Where the gradients are. */
export interface GradientDevice {
  readonly session: Session;
  /** Factor of the gradients. */
  readonly lossScale: number;
  run(program: string): void;
}

/**
 * Measures the gradients of `count` micro-steps. They are sanitised where the settings ask for it, unless a
 * lower scale of the loss can still mend them.
 */
export function groupGradient(
  device: GradientDevice,
  settings: TrainSettings,
  count: number,
): GroupGradient {
  const { session, lossScale } = device;
  const { accum, clip, compat, sanitize } = settings;
  const terms = compatNamed(compat)?.dividesByFullGroup === true ? accum : count;
  const size = terms * lossScale;
  device.run("norm");
  let nonfinite = session.f64(buffers.nonfinite)[0]!;
  let sanitized = 0;
  if (nonfinite > 0 && sanitize && lossScale === 1) {
    session.f32(buffers.limit)[0] = SANITIZED_LIMIT * size;
    device.run("sanitize");
    device.run("norm");
    sanitized = nonfinite;
    nonfinite = session.f64(buffers.nonfinite)[0]!;
  }
  const norm = Math.sqrt(session.f64(buffers.squares)[0]!) / size;
  const clipped = clip > 0 && norm > clip;
  return { nonfinite, sanitized, norm, clipped, scale: (clipped ? clip / norm : 1) / size };
}

/** The first parameter whose gradient has elements that are not finite. */
export function firstNotFinite(session: Session, paths: readonly string[]): string {
  const isBad = (path: string) =>
    session.f32(buffers.gradient(path)).some((g) => !Number.isFinite(g));
  return paths.find(isBad) ?? "none";
}

/** Multiplies the gradients of the open group. */
export function scaleGradients(session: Session, paths: readonly string[], factor: number): void {
  for (const path of paths) {
    const gradient = session.f32(buffers.gradient(path));
    for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! * factor;
  }
}
