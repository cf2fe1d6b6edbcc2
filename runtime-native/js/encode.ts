/**
 * A plan as the addon reads it: one list of numbers and one list of strings.
 *
 *     [version, stateBytes, scratchBytes,
 *      buffers,  per buffer  [name, arena, dtype, offset, bytes],
 *      programs, per program [name, commands, per command
 *        [kernel, label, operands, [buffer, offset]…, ints, …, floats, …],
 *        ordered, per command if ordered [rank, after, …]]]
 *
 * Names are indices into the strings. `runtime-native/src/plan_reader.cpp` reads it back and checks
 * everything it says.
 */
import type { Arena, BufferDType, Command, SessionPlan } from "../../compiler/bundle/plan.ts";

export interface EncodedPlan {
  readonly words: Float64Array;
  readonly strings: readonly string[];
}

const ARENAS: Readonly<Record<Arena, number>> = { state: 0, scratch: 1 };
const DTYPES: Readonly<Record<BufferDType, number>> = { f32: 0, i32: 1, f64: 2 };

export function encodePlan(plan: SessionPlan): EncodedPlan {
  const words: number[] = [];
  const numbers = new Map<string, number>();
  const text = (value: string): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, numbers.size);
    return numbers.size - 1;
  };
  // Never spread: a long program must not exceed the engine's limit on arguments.
  const list = (values: readonly number[]): void => {
    words.push(values.length);
    for (const value of values) words.push(value);
  };
  const command = (c: Command): void => {
    words.push(text(c.kernel), text(c.label), c.operands.length);
    for (const { buffer, offset } of c.operands) words.push(buffer, offset);
    list(c.ints);
    list(c.floats);
  };

  words.push(plan.version, plan.stateBytes, plan.scratchBytes, plan.buffers.length);
  for (const b of plan.buffers) {
    words.push(text(b.name), ARENAS[b.arena] ?? -1, DTYPES[b.dtype] ?? -1, b.offset, b.bytes);
  }
  words.push(plan.programs.length);
  for (const program of plan.programs) {
    words.push(text(program.name), program.commands.length);
    for (const c of program.commands) command(c);
    words.push(program.order === undefined ? 0 : 1);
    for (const { rank, after } of program.order ?? []) {
      words.push(rank);
      list(after);
    }
  }
  return { words: Float64Array.from(words), strings: [...numbers.keys()] };
}
