/**
 * The bundle: what compiling a model leaves on disk.
 *
 *     manifest.json        this format: programs, ports, schedule, parameters, digests
 *     programs/NAME.mil    one MIL program (target `ane`)
 *     weights/NAME.bin     its constants, in Apple's blob storage v2
 *     plan.json            the session plan (target `cpu`)
 *     constants.bin        what its state starts with, fp32, in the order of `constants`
 *
 * The manifest is written last, and every other file's digest stands in it: a bundle without a
 * manifest, or with a file that does not fit it, was not written whole.
 */
import { createHash } from "node:crypto";

export const MANIFEST_VERSION = 1;

export interface Port {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "fp16";
  readonly bytes: number;
}

export interface ManifestProgram {
  readonly name: string;
  readonly file: string;
  /** Weight file, for programs with constants. */
  readonly weights?: string;
  /** Operations that are not constants. */
  readonly ops: number;
  readonly flops: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Times it is dispatched in one run of the schedule. */
  readonly calls: number;
}

/** One step of the schedule. Values are graph inputs, `@PATH` for parameters, or `PART.PORT`. */
export type ScheduleStep =
  | {
      readonly do: "host";
      readonly op: string;
      readonly reads: readonly string[];
      readonly writes: string;
    }
  | {
      readonly do: "dispatch";
      readonly program: string;
      readonly label: string;
      readonly inputs: Readonly<Record<string, string>>;
      readonly outputs: Readonly<Record<string, string>>;
    };

export interface ManifestParameter {
  readonly path: string;
  readonly shape: readonly number[];
  /** `[D, H*E]`, as declared. */
  readonly dims: string;
}

export interface Manifest {
  readonly version: typeof MANIFEST_VERSION;
  readonly anec: string;
  readonly target: "ane" | "cpu";
  readonly model: string;
  readonly entry: string;
  readonly weights: "params" | "baked";
  readonly parameters: readonly ManifestParameter[];
  readonly programs: readonly ManifestProgram[];
  readonly schedule: readonly ScheduleStep[];
  /** Value of the schedule behind each output of the entry. */
  readonly outputs: Readonly<Record<string, string>>;
  /** State buffers that start with data, and their number of elements (target `cpu`). */
  readonly constants: readonly { readonly buffer: string; readonly elements: number }[];
  /** sha256 of every other file. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface Bundle {
  readonly manifest: Manifest;
  /** Every file but the manifest, by its path in the bundle. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A bundle of these files; the digests are added here. */
export function makeBundle(
  manifest: Omit<Manifest, "digests" | "version">,
  files: ReadonlyMap<string, Uint8Array>,
): Bundle {
  const digests = Object.fromEntries([...files].map(([path, bytes]) => [path, sha256(bytes)]));
  return { manifest: { version: MANIFEST_VERSION, ...manifest, digests }, files };
}
