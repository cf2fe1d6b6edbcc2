/**
 * Single programs on the Neural Engine, or on the emulator that stands in for it.
 *
 *     const device = openAne({ library: emulatorLibrary() });
 *     const program = device.compile({ name: "twice", mil, procedures: [{ inputs, outputs }] });
 *     const [x, y] = [program.input(0), program.output(0)];
 *     x.write(values);
 *     program.evaluate([x], [y]);
 *     y.read();                        // Float32Array
 *     device.close();
 *
 * Everything is synchronous. Failures are a `NativeError` with the framework's own words in `detail`; a
 * program that is refused is a `RefusedProgram`, which also has the text that was sent.
 */
import { type Failure, loadAddon, NativeError, unwrap } from "./addon.ts";
import type { AddonPort, AddonSource } from "./engine.ts";

export { emulatorLibrary } from "./engine.ts";

export type AneElement = AddonPort["type"];

/** A function's input or output, in the order the MIL declares them; at most four sizes. */
export type AnePort = AddonPort;

/** One `func` of a program. */
export interface AneProcedure {
  readonly name?: string;
  readonly inputs: readonly AnePort[];
  readonly outputs: readonly AnePort[];
}

export interface AneSource {
  /** For messages. */
  readonly name: string;
  readonly mil: string;
  readonly procedures: readonly AneProcedure[];
  /** Path as in `BLOBFILE(…)` → the whole file. */
  readonly weights?: Readonly<Record<string, Uint8Array>>;
  /** A property list for the framework's compiler. */
  readonly options?: string;
}

export interface AneOptions {
  /** The library in place of Apple's frameworks. Default: Apple's own, which only a Mac has. */
  readonly library?: string;
  /** Where program folders go if the framework does not say. */
  readonly temporary?: string;
  /** Compiles this process may do; 0 for no end. Default: what is known of this macOS. */
  readonly compileBudget?: number;
  /** How often a failure that may pass is tried again, and how long is waited in between. */
  readonly retry?: { readonly attempts: number; readonly firstMs: number; readonly mostMs: number };
}

/** What a device is and has done. */
export interface AneState {
  /** `h16g`, or empty where the system does not say. */
  readonly architecture: string;
  readonly build: string;
  readonly product: string;
  /** How programs are evaluated: `direct`, `client` or `model`. */
  readonly way: string;
  readonly cores: number;
  /** −1: no end is known. */
  readonly compilesLeft: number;
  readonly compiles: number;
  readonly loads: number;
  readonly evaluations: number;
  readonly retries: number;
  readonly reloads: number;
  readonly hardwareNs: number;
  /** What was mended since the last time this was asked. */
  readonly notes: readonly string[];
}

export interface AneSurface {
  readonly port: AnePort;
  /** Every value, row-major. Answers how many did not fit into fp16. */
  write(values: Float32Array): number;
  read(): Float32Array;
  close(): void;
}

export interface AneProgram {
  readonly source: AneSource;
  /** A new surface for a port, laid out as the program expects it. */
  input(port: number, procedure?: number): AneSurface;
  output(port: number, procedure?: number): AneSurface;
  /** Runs it; surfaces are in the declared order of the ports. Answers the engine's nanoseconds or 0. */
  evaluate(
    inputs: readonly AneSurface[],
    outputs: readonly AneSurface[],
    procedure?: number,
  ): number;
  close(): void;
}

export interface AneDevice {
  state(): AneState;
  compile(source: AneSource): AneProgram;
  /** A surface with the published layout of such a port. */
  surface(type: AneElement, shape: readonly number[]): AneSurface;
  close(): void;
}

/** What the emulator has seen; see `report` in backends/emulator/framework/state.cpp. */
export interface EmulatorReport {
  readonly chip: string;
  readonly os: string;
  readonly compiles: number;
  readonly loads: number;
  readonly unloads: number;
  readonly evaluations: number;
  readonly restarts: number;
  readonly faults: number;
  readonly loaded: number;
  readonly mostLoaded: number;
  readonly surfaces: number;
  readonly surfaceBytes: number;
  /** What the engine would have taken, by the cost model, beside what this computer took. */
  readonly predictedNs: number;
  readonly wallNs: number;
  /** Objects alive, by class. */
  readonly live: Readonly<Record<string, number>>;
  /** What the real framework would have punished. */
  readonly violations: readonly string[];
}

/** The framework refused a program. `mil` is the text it was sent. */
export class RefusedProgram extends NativeError {
  readonly mil: string;

  constructor(failure: Failure, mil: string) {
    super(failure);
    this.name = "RefusedProgram";
    this.mil = mil;
  }
}

type AneHandle = { readonly ane: unique symbol };

/** `runtime-native/src/addon_ane.cpp`, function by function. */
interface AneAddon {
  aneOpen(options: object): AneHandle | Failure;
  aneState(device: AneHandle): AneState | Failure;
  aneCompile(device: AneHandle, source: AddonSource): AneHandle | Failure;
  aneSurface(device: AneHandle, port: AnePort): AneHandle | Failure;
  aneSurface(
    program: AneHandle,
    port: number,
    output: boolean,
    procedure: number,
  ): AneHandle | Failure;
  aneWrite(surface: AneHandle, values: Float32Array): number | Failure;
  aneRead(surface: AneHandle, values: Float32Array): Failure | undefined;
  aneEvaluate(
    program: AneHandle,
    inputs: readonly AneHandle[],
    outputs: readonly AneHandle[],
    procedure: number,
  ): number | Failure;
  aneClose(handle: AneHandle): Failure | undefined;
  emulatorControl(library: string, settings: string | null): string | Failure;
}

const addon = (): AneAddon => loadAddon() as unknown as AneAddon;
const handles = new WeakMap<AneSurface, AneHandle>();

function handleOf(surface: AneSurface): AneHandle {
  const handle = handles.get(surface);
  if (handle !== undefined) return handle;
  throw new NativeError({
    code: "E0603",
    message: "this is not a surface of a device",
    detail: "",
  });
}

function surfaceOf(handle: AneHandle, port: AnePort): AneSurface {
  const elements = port.shape.reduce((product, size) => product * size, 1);
  const surface: AneSurface = {
    port,
    write: (values) => unwrap(addon().aneWrite(handle, values)),
    read() {
      const values = new Float32Array(elements);
      unwrap(addon().aneRead(handle, values));
      return values;
    },
    close: () => void unwrap(addon().aneClose(handle)),
  };
  handles.set(surface, handle);
  return surface;
}

function programOf(handle: AneHandle, source: AneSource): AneProgram {
  const surface = (isOutput: boolean, port: number, procedure: number): AneSurface => {
    const made = unwrap(addon().aneSurface(handle, port, isOutput, procedure));
    const ports = source.procedures[procedure]!;
    return surfaceOf(made, (isOutput ? ports.outputs : ports.inputs)[port]!);
  };
  return {
    source,
    input: (port, procedure = 0) => surface(false, port, procedure),
    output: (port, procedure = 0) => surface(true, port, procedure),
    evaluate: (inputs, outputs, procedure = 0) =>
      unwrap(addon().aneEvaluate(handle, inputs.map(handleOf), outputs.map(handleOf), procedure)),
    close: () => void unwrap(addon().aneClose(handle)),
  };
}

/** Opens the engine. Throws a `NativeError` (E0620) where there is none, or not the framework it needs. */
export function openAne(options: AneOptions = {}): AneDevice {
  const { retry, ...rest } = options;
  const handle = unwrap(addon().aneOpen({ ...rest, ...retry }));
  return {
    state: () => unwrap(addon().aneState(handle)),
    compile(source) {
      const compiled = addon().aneCompile(handle, {
        ...source,
        weights: Object.entries(source.weights ?? {}).map(([path, bytes]) => ({ path, bytes })),
        procedures: source.procedures.map((p) => ({ ...p, name: p.name ?? "main" })),
      });
      try {
        return programOf(unwrap(compiled), source);
      } catch (error) {
        if (!(error instanceof NativeError) || error.code !== "E0621") throw error;
        throw new RefusedProgram(error, source.mil);
      }
    },
    surface(type, shape) {
      const port = { name: "", type, shape };
      return surfaceOf(unwrap(addon().aneSurface(handle, port)), port);
    },
    close: () => void unwrap(addon().aneClose(handle)),
  };
}

/** Starts the emulator of this process over, with settings such as `chip=m1,timeout=every:50`. */
export function configureEmulator(library: string, settings: string): void {
  const fault = unwrap(addon().emulatorControl(library, settings));
  if (fault !== "") throw new NativeError({ code: "E0629", message: fault, detail: "" });
}

/** What the emulator has seen since it was started over. */
export function emulatorReport(library: string): EmulatorReport {
  return JSON.parse(unwrap(addon().emulatorControl(library, null))) as EmulatorReport;
}
