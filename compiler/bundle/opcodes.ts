/**
 * Instructions of the host kernel `elementwise`, by number. The runtime has the same list in the same
 * order (`runtime-native/kernels/opcodes.h`); a test compares them.
 */
export const OPCODES = [
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

export type Opcode = (typeof OPCODES)[number];

const numbers: ReadonlyMap<string, number> = new Map(OPCODES.map((name, i) => [name, i]));

/** The number of an instruction, or undefined if the kernel has none of that name. */
export function opcodeNumber(name: string): number | undefined {
  return numbers.get(name);
}
