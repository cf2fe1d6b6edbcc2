/**
 * The Neural Engine beside the processor: which one a session gets, and what it has done.
 *
 * `emulator` is a library of ours that stands in for Apple's frameworks, so that everything but the
 * hardware runs on any machine. What it imitates is set in the variable ANEC_EMULATOR
 * (docs/emulator.md).
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EngineProgram } from "../../compiler/bundle/plan.ts";
import { NativeError } from "./addon.ts";
import { addonPath, buildCommand } from "./addon_file.ts";

export interface EngineOptions {
  /** `ane`: Apple's frameworks. `emulator`: the stand-in. */
  readonly kind: "ane" | "emulator";
  /** Folder in which compiled programs are kept; nothing is kept without it. */
  readonly cache?: string;
  /** Of anec: programs of another version are compiled again. */
  readonly version?: string;
  /** Compiles this process may do. Default: what is known of this macOS. */
  readonly compileBudget?: number;
  /** Whether the host works while the engine does, with the same bits as one after another. Default: yes. */
  readonly overlap?: boolean;
}

export interface EngineInfo {
  readonly kind: EngineOptions["kind"];
  /** `h16g`; empty where the system does not say. */
  readonly architecture: string;
  readonly build: string;
  readonly product: string;
  /** How programs are evaluated: `direct`, `client` or `model`. */
  readonly way: string;
  /** Compiles this process may do; 0 for no end. */
  readonly compileBudget: number;
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
  /** fp16 bytes on surfaces: what runs write, read, and copy from one to another. */
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly bytesCopied: number;
  /** Of values that are staged, those that were not there already. */
  readonly bytesStaged: number;
}

export interface AddonPort {
  readonly name: string;
  readonly type: "fp16" | "fp32";
  readonly shape: readonly number[];
}

/** A program as the addon reads it: `read_source` of `runtime-native/src/addon_source.cpp`. */
export interface AddonSource {
  readonly name: string;
  readonly mil: string;
  readonly options?: string;
  readonly weights: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly procedures: readonly {
    readonly name: string;
    readonly inputs: readonly AddonPort[];
    readonly outputs: readonly AddonPort[];
  }[];
}

/** A program of a plan: one function, ports of fp16. */
export function sourceOf({ name, mil, weights, inputs, outputs }: EngineProgram): AddonSource {
  const ports = (list: EngineProgram["inputs"]): AddonPort[] =>
    list.map((port) => ({ ...port, type: "fp16" }));
  const file = { path: "@model_path/weights/weight.bin", bytes: weights ?? new Uint8Array() };
  return {
    ...{ name, mil, weights: weights === null ? [] : [file] },
    procedures: [{ name: "main", inputs: ports(inputs), outputs: ports(outputs) }],
  };
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
      message: `the emulator is not built: run \`${buildCommand()}\``,
      detail: `there is no ${path}`,
    });
  }
  return path;
}
