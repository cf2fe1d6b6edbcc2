/**
 * Finds and loads the compiled addon, and turns the failures it answers with into a NativeError.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import type { EnginePlan } from "../../compiler/bundle/plan.ts";
import { addonPath, buildCommand } from "./addon_file.ts";
import type { AddonSource, EngineCounts, EngineInfo } from "./engine.ts";
import type { RankLink } from "./ranks.ts";

/** What the runtime could not do, with its code (E06xx) and the exact words behind it. */
export class NativeError extends Error {
  readonly code: string;
  readonly detail: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = "NativeError";
    this.code = failure.code;
    this.detail = failure.detail;
  }
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly detail: string;
}

export interface AddonDevice {
  readonly threads: number;
  readonly blas: { readonly name: string; readonly path: string } | null;
  readonly simd: string;
}

/** What `attach` takes. */
export interface AddonEngine extends Omit<EnginePlan, "programs"> {
  readonly programs: readonly AddonSource[];
  readonly library: string;
  readonly cache: string;
  readonly version: string;
  readonly compileBudget: number | null;
  readonly overlap: boolean;
}

export type AddonEngineInfo = Omit<EngineInfo, "kind">;

/** A session inside the addon; only the addon looks into it. */
export type Handle = { readonly handle: unique symbol };

/** What `measureBound` measures. */
export type Bound = "multiplyAdd" | "read" | "handover";

/** `runtime-native/src/addon.cpp`, function by function. */
export interface Addon {
  device(threads: number, blas: string, simd: string): AddonDevice | Failure;
  create(
    words: Float64Array,
    strings: readonly string[],
    threads: number,
    blas: string,
    simd: string,
    products?: Float64Array,
  ): Handle | Failure;
  info(handle: Handle): AddonDevice | Failure;
  arena(handle: Handle, index: 0 | 1): ArrayBuffer | Failure;
  run(
    handle: Handle,
    program: number,
    first: boolean,
    times: Float64Array | undefined,
    last: boolean,
  ): Failure | undefined;
  attach(handle: Handle, engine: AddonEngine): AddonEngineInfo | Failure;
  attachRanks(handle: Handle, ranks: RankLink): Failure | undefined;
  engineCounts(handle: Handle): EngineCounts | null | Failure;
  engineNotes(handle: Handle): readonly string[] | Failure;
  close(handle: Handle): Failure | undefined;
  measureGemm(
    m: number,
    n: number,
    k: number,
    transA: boolean,
    transB: boolean,
    seconds: number,
    threads: number,
    blas: string,
    simd: string,
  ): number | Failure;
  measureBound(
    what: Bound,
    seconds: number,
    threads: number,
    blas: string,
    simd: string,
  ): number | Failure;
  opcodes(): readonly string[];
  kernels(): readonly string[];
  instructionSets(): readonly string[];
}

function isFailure(answer: unknown): answer is Failure {
  return typeof answer === "object" && answer !== null && "code" in answer && "detail" in answer;
}

/** The answer, or the failure as an exception. */
export function unwrap<T>(answer: T | Failure): T {
  if (isFailure(answer)) throw new NativeError(answer);
  return answer;
}

/** Node keeps a loaded addon, so asking again is cheap. */
export function loadAddon(path: string = addonPath()): Addon {
  if (!existsSync(path)) {
    throw new NativeError({
      code: "E0605",
      message: `the native runtime is not built: run \`${buildCommand()}\``,
      detail: `there is no ${path}`,
    });
  }
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    throw new NativeError({
      code: "E0605",
      message: `the native runtime cannot be loaded: build it again with \`${buildCommand()}\``,
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}
