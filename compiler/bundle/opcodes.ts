/**
 * The instructions of the `elementwise` host kernel, by number: the index in this list.
 * `runtime-native/kernels/opcodes.h` has the same list; a test compares the two.
 */
export const OPCODE_NAMES = [
  "const",
  "copy",
  "add",
  "sub",
  "mul",
  "div",
  "max",
  "min",
  "neg",
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "tanh",
  "sigmoid",
  "silu",
  "relu",
  "abs",
  "sin",
  "cos",
  "square",
  "reciprocal",
  "pow",
  "gt",
  "erf",
] as const;

export type OpcodeName = (typeof OPCODE_NAMES)[number];

/** Name → number. */
export const OPCODES: Readonly<Record<OpcodeName, number>> = Object.fromEntries(
  OPCODE_NAMES.map((name, number) => [name, number]),
) as Record<OpcodeName, number>;

/** Most registers a program may use, and most instructions it may have. */
export const REGISTERS = 32;
export const MAX_INSTRUCTIONS = 256;

/** The number of an instruction, or undefined if the kernel has none of that name. */
export function opcodeNumber(name: string): number | undefined {
  return Object.hasOwn(OPCODES, name) ? OPCODES[name as OpcodeName] : undefined;
}

/** In `rowwise`, the sum of a row has this number; the largest element and the mean follow. */
export const ROW_REDUCTION = 64;
