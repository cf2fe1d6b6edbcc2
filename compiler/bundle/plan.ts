/**
 * The plan: what the compiler hands to the native runtime for one device session.
 *
 * It is flat on purpose. Buffers are byte ranges of two arenas, a command names one host kernel and
 * the buffers, integers and numbers it takes, and a program is a list of commands run by one native
 * call. The runtime checks every command against its kernel's own size rule before the first run, so
 * a damaged plan is refused and cannot read or write outside an arena.
 *
 * The kernels and the meaning of their `ints` and `floats` are listed in
 * `runtime-native/kernels/README.md`.
 */

/** Where a buffer lives: `state` survives between runs, `scratch` is reused inside one run. */
export type Arena = "state" | "scratch";

export type BufferDType = "f32" | "i32" | "f64";

/** A byte range of an arena. Offsets are multiples of 64. */
export interface PlanBuffer {
  readonly name: string;
  readonly arena: Arena;
  readonly dtype: BufferDType;
  /** Bytes from the start of the arena. */
  readonly offset: number;
  readonly bytes: number;
}

/** One operand: a buffer and the element (not byte) at which it starts, or -1 for an absent operand. */
export interface Operand {
  readonly buffer: number;
  readonly offset: number;
}

/** One host kernel call. */
export interface Command {
  readonly kernel: string;
  readonly operands: readonly Operand[];
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  /** What the command computes, for traces and error messages: `block.3.attention` or an op name. */
  readonly label: string;
}

/** When a command may run beside others. */
export interface CommandOrder {
  /** Earlier commands of the program that have to be done before. */
  readonly after: readonly number[];
  /** Of the commands that could run, the one with the lowest rank is the most urgent. */
  readonly rank: number;
}

export interface PlanProgram {
  readonly name: string;
  readonly commands: readonly Command[];
  /**
   * Per command, for programs whose calls of the engine, or sums over ranks, run beside the host's work. Whatever is run one after
   * another, in the order of the list, gives the same values.
   */
  readonly order?: readonly CommandOrder[];
}

/** A program of the engine as the runtime compiles it. */
export interface EngineProgram {
  readonly name: string;
  /** Its text. */
  readonly mil: string;
  /** Its weight file, `weights/weight.bin`, or null. */
  readonly weights: Uint8Array | null;
  /** Floating-point operations of one call: what its time is guessed from. */
  readonly flops: number;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/**
 * What commands of the engine speak of by number: its programs, surfaces [1, C, 1, W] of fp16, and
 * calls of a program on surfaces in the order of its ports.
 */
export interface EnginePlan {
  readonly programs: readonly EngineProgram[];
  readonly surfaces: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly calls: readonly {
    readonly program: number;
    /** For traces and messages: `block.3.layer_fwd` */
    readonly label: string;
    readonly inputs: readonly number[];
    readonly outputs: readonly number[];
  }[];
}

export interface SessionPlan {
  readonly version: 1;
  readonly stateBytes: number;
  readonly scratchBytes: number;
  readonly buffers: readonly PlanBuffer[];
  readonly programs: readonly PlanProgram[];
  /** For plans with commands of the engine. */
  readonly engine?: EnginePlan;
}

/** How a kernel that can add to its output treats what is there already. */
export const WRITE = { replace: 0, add: 1, addUnlessFirst: 2 } as const;
