/**
 * The Neural Engine beside the processor: which one a session gets, and what it has done.
 *
 * `emulator` is a library of ours that stands in for Apple's frameworks, so that everything but the
 * hardware runs on any machine. What it imitates is set in the variable ANEC_EMULATOR
 * (docs/emulator.md).
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { addonPath, NativeError } from "./addon.ts";

export interface EngineOptions {
  /** `ane`: Apple's frameworks. `emulator`: the stand-in. */
  readonly kind: "ane" | "emulator";
  /** Folder in which compiled programs are kept; nothing is kept without it. */
  readonly cache?: string;
  /** Of anec: programs of another version are compiled again. */
  readonly version?: string;
  /** Compiles this process may do. Default: what is known of this macOS. */
  readonly compileBudget?: number;
}

export interface EngineInfo {
  readonly kind: EngineOptions["kind"];
  /** `h16g`; empty where the system does not say. */
  readonly architecture: string;
  readonly build: string;
  readonly product: string;
  /** How programs are evaluated: `direct`, `client` or `model`. */
  readonly way: string;
}

/** Since the session was made. */
export interface EngineCounts {
  readonly compiles: number;
  readonly loads: number;
  readonly evaluations: number;
  readonly retries: number;
  readonly reloads: number;
  /** The engine's own time; the emulator says what its cost model predicts. */
  readonly hardwareNanoseconds: number;
  /** Programs that were not compiled because an earlier run had. */
  readonly fromCache: number;
  readonly rebuilt: number;
  /** Values that did not fit into fp16 when they were written. */
  readonly overflows: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

/** The emulator's library, beside the addon. Throws a `NativeError` (E0605) if it was not built. */
export function emulatorLibrary(): string {
  const suffix = process.platform === "darwin" ? "dylib" : "so";
  const path =
    process.env["ANEC_EMULATOR_LIBRARY"] ??
    join(dirname(addonPath()), `libanec_emulator.${suffix}`);
  if (!existsSync(path)) {
    throw new NativeError({
      code: "E0605",
      message: "the emulator is not built: run `npm run build:native`",
      detail: `there is no ${path}`,
    });
  }
  return path;
}
