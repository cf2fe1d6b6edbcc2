/**
 * The CPU device: sessions over a plan, run by the native addon.
 *
 *     const session = createSession(plan);
 *     session.f32("tokens.embedding").set(weights);
 *     session.run("step", { first: true });
 *     const loss = session.f32("loss")[0];
 *     session.close();
 *
 * Views are the session's memory itself, not copies. They become empty when it is closed.
 */
import type { BufferDType, EnginePlan, SessionPlan } from "../../compiler/bundle/plan.ts";
import { makeFolder } from "../../compiler/support/atomic_write.ts";
import {
  type AddonDevice,
  type Bound,
  type Handle,
  loadAddon,
  NativeError,
  unwrap,
} from "./addon.ts";
import { encodePlan } from "./encode.ts";
import {
  type EngineCounts,
  type EngineInfo,
  type EngineOptions,
  emulatorLibrary,
  sourceOf,
} from "./engine.ts";

import type { RankLink } from "./ranks.ts";

export { NativeError } from "./addon.ts";
export type { EngineCounts, EngineInfo, EngineOptions } from "./engine.ts";
export type { RankLink } from "./ranks.ts";

/** The size of a product of op(a) [m, k] and op(b) [k, n]. */
export interface ProductSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

export interface DeviceOptions {
  /** Threads to use, the caller's included. Default: one per processor. */
  readonly threads?: number;
  /**
   * "auto" (default), "builtin", or the path of a shared library with `cblas_sgemm`.
   * "reference" is three loops on one thread, the oracle of the other two.
   */
  readonly blas?: string;
  /** The products that the library computes, where there is one; others are built in. Default: all. */
  readonly products?: readonly ProductSize[];
  /** "auto" (default), or one of `instructionSets()`, to run a lesser instruction set. */
  readonly simd?: string;
  /** For plans with calls of the engine. Default: Apple's. */
  readonly engine?: EngineOptions;
  /** For plans with sums over ranks. */
  readonly ranks?: RankLink;
}

export type DeviceInfo = AddonDevice;

export interface RunOptions {
  /** Write mode "add unless first" replaces when this is true, adds otherwise. */
  readonly first?: boolean;
  /** `all_reduce` sums over the ranks when this is true, and does nothing otherwise. */
  readonly last?: boolean;
  /** Filled with the start and end of each command, in milliseconds on a clock of the process. */
  readonly times?: Float64Array;
}

export interface Session {
  readonly info: DeviceInfo;
  /** The engine, for plans that have calls of one. */
  readonly engine: EngineInfo | undefined;
  run(program: string, options?: RunOptions): void;
  f32(buffer: string): Float32Array;
  i32(buffer: string): Int32Array;
  f64(buffer: string): Float64Array;
  /** What the engine has done; undefined without one. */
  engineCounts(): EngineCounts | undefined;
  /** Sentences on what the engine mended since the last time this was asked, in the device's words. */
  takeNotes(): readonly string[];
  /**
   * Gives the memory back at once. Views become empty, and any later call is an error. What reads a view on
   * another thread (an `fs.write` that has not ended) has to be done by then.
   */
  close(): void;
}

function settings(options: DeviceOptions): [threads: number, blas: string, simd: string] {
  const threads = options.threads ?? 0;
  if (!Number.isInteger(threads) || threads < 0 || threads > 256) {
    throw new NativeError({
      code: "E0607",
      message: `cannot use ${threads} threads: give a whole number from 1 to 256`,
      detail: "",
    });
  }
  return [threads, options.blas ?? "auto", options.simd ?? "auto"];
}

export function deviceInfo(options: DeviceOptions = {}): DeviceInfo {
  return unwrap(loadAddon().device(...settings(options)));
}

/** Names of the host kernels the addon has. */
export function kernelNames(): readonly string[] {
  return loadAddon().kernels();
}

/** Instruction sets this processor can run, best first. */
export function instructionSets(): readonly string[] {
  return loadAddon().instructionSets();
}

function noSuch(what: string, name: string): NativeError {
  return new NativeError({
    code: "E0606",
    message: `the session has no ${what} named \`${name}\``,
    detail: "",
  });
}

/** Name → index. Two things of one name would hide each other. */
function indexByName(
  what: string,
  things: readonly { readonly name: string }[],
): Map<string, number> {
  const index = new Map<string, number>();
  for (const [i, { name }] of things.entries()) {
    if (index.has(name)) {
      throw new NativeError({
        code: "E0603",
        message: `the plan is malformed: two ${what}s are named \`${name}\``,
        detail: "",
      });
    }
    index.set(name, i);
  }
  return index;
}

function attachEngine(
  handle: Handle,
  plan: EnginePlan,
  { engine = { kind: "ane" } }: DeviceOptions,
): EngineInfo {
  const library = engine.kind === "emulator" ? emulatorLibrary() : "";
  const { cache = "", compileBudget = null, version = "0", overlap = true } = engine;
  makePrivate(cache);
  const { surfaces, calls } = plan;
  const programs = plan.programs.map(sourceOf);
  const settings = { library, cache, compileBudget, version, overlap };
  const info = unwrap(loadAddon().attach(handle, { ...settings, programs, surfaces, calls }));
  return { kind: engine.kind, ...info };
}

/** Programs are made of weights: the folder that keeps them is the user's alone. */
function makePrivate(folder: string): void {
  if (folder === "") return;
  try {
    makeFolder(folder, 0o700);
  } catch {
    // The runtime says what it cannot keep.
  }
}

/** A session that gets no engine gives its memory back at once. */
function engineFor(
  handle: Handle,
  { engine }: SessionPlan,
  options: DeviceOptions,
): EngineInfo | undefined {
  if (engine === undefined) return undefined;
  try {
    return attachEngine(handle, engine, options);
  } catch (error) {
    loadAddon().close(handle);
    throw error;
  }
}

/** The list of products as the addon takes it, in which none means all. */
function productsOf({ products }: DeviceOptions): {
  readonly blas?: { readonly blas: string };
  readonly products?: Float64Array;
} {
  if (products === undefined) return {};
  if (products.length === 0) return { blas: { blas: "builtin" } };
  const sizes = products.flatMap((p) => [p.m, p.n, p.k, +p.transA, +p.transB]);
  return { products: Float64Array.from(sizes) };
}

export function createSession(plan: SessionPlan, options: DeviceOptions = {}): Session {
  const addon = loadAddon();
  const buffers = indexByName("buffer", plan.buffers);
  const programs = indexByName("program", plan.programs);
  const { words, strings } = encodePlan(plan);
  const { blas, products } = productsOf(options);
  const chosen = settings({ ...options, ...blas });
  const handle = unwrap(addon.create(words, strings, ...chosen, products));
  const info = unwrap(addon.info(handle));
  const engine = engineFor(handle, plan, options);
  if (options.ranks !== undefined) unwrap(addon.attachRanks(handle, options.ranks));
  const arenas = {
    state: unwrap(addon.arena(handle, 0)),
    scratch: unwrap(addon.arena(handle, 1)),
  };
  let open = true;

  const mustBeOpen = (): void => {
    if (open) return;
    throw new NativeError({ code: "E0606", message: "the session is closed", detail: "" });
  };
  const bufferOf = (name: string, dtype: BufferDType) => {
    mustBeOpen();
    const buffer = plan.buffers[buffers.get(name) ?? -1];
    if (buffer === undefined) throw noSuch("buffer", name);
    if (buffer.dtype !== dtype) {
      throw new NativeError({
        code: "E0606",
        message: `buffer \`${name}\` holds ${buffer.dtype}, not ${dtype}`,
        detail: "",
      });
    }
    return buffer;
  };

  return {
    info,
    engine,
    engineCounts() {
      mustBeOpen();
      return unwrap(addon.engineCounts(handle)) ?? undefined;
    },
    takeNotes() {
      mustBeOpen();
      return unwrap(addon.engineNotes(handle));
    },
    run(program, { first = false, last = false, times } = {}) {
      mustBeOpen();
      const index = programs.get(program);
      if (index === undefined) throw noSuch("program", program);
      unwrap(addon.run(handle, index, first, times, last));
    },
    f32(name) {
      const { arena, offset, bytes } = bufferOf(name, "f32");
      return new Float32Array(arenas[arena], offset, bytes / 4);
    },
    i32(name) {
      const { arena, offset, bytes } = bufferOf(name, "i32");
      return new Int32Array(arenas[arena], offset, bytes / 4);
    },
    f64(name) {
      const { arena, offset, bytes } = bufferOf(name, "f64");
      return new Float64Array(arenas[arena], offset, bytes / 8);
    },
    close() {
      if (!open) return;
      open = false;
      unwrap(addon.close(handle));
    },
  };
}

export interface GemmOptions extends DeviceOptions {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** How long to measure. */
  readonly seconds: number;
}

/** GFLOP/s of c[m, n] = op(a) · op(b): the median call, with b not in the cache. */
export function measureGemm(options: GemmOptions): number {
  const { m, n, k, transA = false, transB = false, seconds } = options;
  for (const size of [m, n, k]) {
    if (!Number.isInteger(size) || size < 1 || size > 1e6) {
      throw new NativeError({
        code: "E0607",
        message: `cannot measure a product of size ${size}: give a whole number from 1 to 1,000,000`,
        detail: "",
      });
    }
  }
  const device = settings(options);
  return unwrap(loadAddon().measureGemm(m, n, k, transA, transB, seconds, ...device));
}

/**
 * What the machine can do at most, on all threads at once: "multiplyAdd" in GFLOP/s, on registers;
 * "read" in GB/s, from memory; "handover" in nanoseconds, of a line of memory from one processor's cache to
 * another's (0 for one thread).
 */
export function measureBound(what: Bound, seconds: number, options: DeviceOptions = {}): number {
  return unwrap(loadAddon().measureBound(what, seconds, ...settings(options)));
}
