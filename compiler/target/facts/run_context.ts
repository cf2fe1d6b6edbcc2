/**
 * What a host does with programs, as far as facts are about it: surfaces, counts, files, numbers.
 *
 * A host fills in what it knows; a fact looks at what it needs and is silent about the rest.
 */
import type { ElementType } from "../../mil/tree.ts";
import type { ChipName } from "../chip_names.ts";

/** A buffer that is bound to a port. */
export interface Surface {
  readonly port: string;
  readonly role: "input" | "output";
  readonly shape: readonly number[];
  readonly element: ElementType;
  /** Bytes that were allocated. */
  readonly bytes: number;
  /** Bytes from one row to the next, as the host writes them. */
  readonly rowBytes: number;
}

/** What a process has done so far. */
export interface ProcessCounts {
  readonly compiles?: number;
  readonly loadedPrograms?: number;
  readonly requestsInFlight?: number;
  readonly threads?: number;
  /** Failures since the last success. */
  readonly failedCompiles?: number;
  /** Tries that a failed compile gets. */
  readonly tries?: number;
  /** Whether the host waits for the compile service without a limit. */
  readonly waitsForever?: boolean;
  readonly freeDiskBytes?: number;
  readonly programs?: number;
}

/** How a program is given to the system. */
export interface Handover {
  readonly textClass?: "NSData" | "NSString";
  readonly weights?: "dictionary" | "nil";
  /** Whether the program's folder in the temporary directory was written first. */
  readonly folderWritten?: boolean;
  /** Bytes of the largest weight file. */
  readonly weightFileBytes?: number;
  /** Whether weights were changed in files after the compile. */
  readonly weightsRewritten?: boolean;
  /** What made the object file that is loaded. */
  readonly objectFrom?: "this_mac" | "elsewhere";
  readonly chains?: boolean;
  /** Procedure that runs, and the symbol indices of its inputs. */
  readonly procedure?: { readonly index: number; readonly inputIndices: readonly number[] };
  /** Whether surfaces are mapped before the request. */
  readonly mapsSurfaces?: boolean;
  readonly probedAtStart?: boolean;
  /** Whether results of two chips must be equal to the bit. */
  readonly comparesChipsExactly?: boolean;
}

/** One call and what surrounds it. */
export interface Dispatch {
  readonly flops?: number;
  /** Bytes that the host writes or converts for it. */
  readonly stagedBytes?: number;
  /** Since the last call, in microseconds. */
  readonly idleMicroseconds?: number;
  /** Calls for what one program could do. */
  readonly callsPerStep?: number;
  /** Bytes of weights that are inputs. */
  readonly weightInputBytes?: number;
  /** Seconds of continuous work. */
  readonly busySeconds?: number;
}

/**
 * Operands of one op, to be computed as the engine does. `mac`: products added up, operands two
 * lists. `elementwise`: operands x and perhaps y. `table`: one operand.
 */
export interface Arithmetic {
  readonly unit: "mac" | "elementwise" | "table" | "int8";
  readonly op: string;
  readonly operands: readonly (readonly number[])[];
  /** Spread of the operands of a product, and what the result's error may be. */
  readonly spread?: { readonly x: number; readonly w: number; readonly tolerance: number };
}

export interface RunContext {
  readonly chip: ChipName;
  readonly os?: string;
  /** In the order in which the host lists them. */
  readonly surfaces?: readonly Surface[];
  readonly process?: ProcessCounts;
  readonly handover?: Handover;
  readonly dispatch?: Dispatch;
  readonly numbers?: Arithmetic;
}

const BYTES: Readonly<Partial<Record<ElementType, number>>> = {
  bool: 1,
  fp32: 4,
  fp64: 8,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  fp16: 2,
  bf16: 2,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
};

/** Bytes of one element in a surface; parts of a byte take a whole one. */
export function elementBytes(element: ElementType): number {
  return BYTES[element] ?? 1;
}

/** `n` raised to a multiple of `unit`. */
export function roundUp(n: number, unit: number): number {
  return Math.ceil(n / unit) * unit;
}

/** How a port's tensor lies in its surface: fact row_stride. */
export function surfaceLayout(
  shape: readonly number[],
  element: ElementType,
): { readonly rowBytes: number; readonly packedRowBytes: number; readonly bytes: number } {
  const width = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const packedRowBytes = width * elementBytes(element);
  const rowBytes = roundUp(packedRowBytes, 64);
  return { rowBytes, packedRowBytes, bytes: rows * rowBytes };
}

/** A surface as a careful host allocates it. */
export function surface(
  port: string,
  role: Surface["role"],
  shape: readonly number[],
  changes: Partial<Surface> = {},
): Surface {
  const element = changes.element ?? "fp16";
  const { rowBytes, bytes } = surfaceLayout(shape, element);
  return { port, role, shape, element, rowBytes, bytes: roundUp(bytes, 16384), ...changes };
}
