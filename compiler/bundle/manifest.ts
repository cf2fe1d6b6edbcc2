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

/** Rows and columns of a surface [1, C, 1, W]. */
export interface Block {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Where a value lies on a surface. Laid out as `rows`, a value [..., R, C] is the rows of a matrix with
 * C columns; as `channels` its last two axes are swapped first. A matrix of more rows than a block has
 * goes on in the next one.
 */
export interface Place {
  readonly layout: "channels" | "rows";
  /** Of the value. */
  readonly sizes: readonly number[];
  readonly blocks: readonly Block[];
}

export interface Port {
  readonly name: string;
  /** [1, C, 1, W] */
  readonly shape: readonly number[];
  readonly dtype: "fp16";
  readonly bytes: number;
  /** The values that lie on it, in the order of `SurfaceUse.values`. */
  readonly places: readonly Place[];
}

export interface ManifestProgram {
  readonly name: string;
  readonly file: string;
  /** Weight file, for programs with constants. */
  readonly weights?: string;
  /** Operations that are not constants. */
  readonly ops: number;
  /** Floating-point operations of its products. */
  readonly flops: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Times it is dispatched in one run of the schedule. */
  readonly calls: number;
}

/** A surface as one dispatch uses it. A value is empty where nothing is known to lie. */
export interface SurfaceUse {
  readonly surface: string;
  readonly values: readonly string[];
}

/** One op of the host. */
export interface HostOp {
  readonly do: "host";
  readonly op: string;
  readonly reads: readonly string[];
  readonly writes: string;
}

/** The host converts a value to fp16 and puts it on a surface. */
export interface WriteStep {
  readonly do: "write";
  readonly value: string;
  readonly surface: string;
  readonly place: Place;
}

/** The host takes a value from a surface. */
export interface ReadStep {
  readonly do: "read";
  readonly value: string;
  readonly surface: string;
  readonly place: Place;
}

/** fp16 numbers from one surface to another. */
export interface CopyStep {
  readonly do: "copy";
  readonly value: string;
  readonly from: string;
  readonly fromPlace: Place;
  readonly surface: string;
  readonly place: Place;
}

export interface DispatchStep {
  readonly do: "dispatch";
  readonly program: string;
  /** The part of the model: `block.3` */
  readonly label: string;
  /** By port. */
  readonly inputs: Readonly<Record<string, SurfaceUse>>;
  readonly outputs: Readonly<Record<string, SurfaceUse>>;
}

/** Values are graph inputs, `@PATH` for parameters, numbers, or names that a step before made. */
export type ScheduleStep = HostOp | WriteStep | ReadStep | CopyStep | DispatchStep;

export interface Surface {
  readonly name: string;
  readonly shape: readonly number[];
}

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
  readonly weights: "packed" | "params" | "baked";
  readonly parameters: readonly ManifestParameter[];
  readonly programs: readonly ManifestProgram[];
  readonly surfaces: readonly Surface[];
  /** Runs when parameters changed: what depends on them alone, and its way to the surfaces. */
  readonly staging: readonly ScheduleStep[];
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
