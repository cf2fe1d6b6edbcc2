/**
 * Runs one host kernel on arrays: a session with one buffer per operand and one command.
 */
import { createRequire } from "node:module";
import { expect } from "vitest";
import type { PlanBuffer, SessionPlan } from "../../compiler/bundle/plan.ts";
import {
  createSession,
  type DeviceOptions,
  instructionSets,
  type RunOptions,
} from "../../runtime-native/js/index.ts";

export type Numbers = Float32Array | Int32Array | Float64Array;

/** An operand: its values, the element it starts at, or null for an absent one. */
export type OperandValue = Numbers | { readonly sameAs: number } | null;

export interface KernelCall {
  readonly kernel: string;
  readonly operands: readonly OperandValue[];
  readonly ints: readonly number[];
  readonly floats?: readonly number[];
  /** Elements by which every operand is moved away from the start of its buffer. */
  readonly offset?: number;
}

function dtypeOf(values: Numbers): "f32" | "i32" | "f64" {
  if (values instanceof Float32Array) return "f32";
  return values instanceof Int32Array ? "i32" : "f64";
}

/** The plan of one call, each operand in a buffer `0`, `1`, … of its own. */
export function planOf(call: KernelCall): SessionPlan {
  const offset = call.offset ?? 0;
  const buffers: PlanBuffer[] = [];
  const indices: number[] = [];
  let bytes = 0;
  let end = 0;
  for (const [i, operand] of call.operands.entries()) {
    if (operand === null) {
      indices.push(-1);
    } else if ("sameAs" in operand) {
      indices.push(indices[operand.sameAs]!);
    } else {
      const size = (operand.length + offset) * operand.BYTES_PER_ELEMENT;
      indices.push(buffers.length);
      buffers.push({
        name: `${i}`,
        arena: "state",
        dtype: dtypeOf(operand),
        offset: bytes,
        bytes: size,
      });
      end = bytes + size;
      bytes += Math.ceil(size / 64) * 64;
    }
  }
  const operands = indices.map((buffer) => ({ buffer, offset: buffer < 0 ? 0 : offset }));
  return {
    version: 1,
    stateBytes: end, // no room behind the last operand: a sanitizer sees any overrun
    scratchBytes: 0,
    buffers,
    programs: [
      {
        name: "main",
        commands: [
          {
            kernel: call.kernel,
            operands,
            ints: call.ints,
            floats: call.floats ?? [],
            label: "test",
          },
        ],
      },
    ],
  };
}

/** Runs the call and gives back what each operand holds afterwards. */
export function runKernel(
  call: KernelCall,
  options: DeviceOptions = { blas: "builtin" },
  run: RunOptions = {},
): Numbers[] {
  const offset = call.offset ?? 0;
  const session = createSession(planOf(call), options);
  const view = (operand: Numbers, i: number): Numbers => {
    const name = `${i}`;
    const dtype = dtypeOf(operand);
    const all =
      dtype === "f32" ? session.f32(name) : dtype === "i32" ? session.i32(name) : session.f64(name);
    return all.subarray(offset);
  };
  const each = <T>(action: (operand: Numbers, i: number) => T): (T | undefined)[] =>
    call.operands.map((operand, i) =>
      operand === null || "sameAs" in operand ? undefined : action(operand, i),
    );
  each((operand, i) => view(operand, i).set(operand));
  session.run("main", run);
  const results = each((operand, i) => view(operand, i).slice());
  session.close();
  return results.map((values, i) => {
    const operand = call.operands[i]!;
    if (values !== undefined) return values;
    return operand !== null && "sameAs" in operand ? results[operand.sameAs]! : new Float32Array(0);
  });
}

/** Beyond four, threads pack an operand of a product together (`runtime-native/src/gemm.cpp`). */
const THREADS = [1, 2, 6];

/** Runs the call on every instruction set; its results must not depend on threads. */
export function runEverywhere(call: KernelCall, run: RunOptions = {}): Numbers[][] {
  return instructionSets().flatMap((simd) => {
    const device = { simd, blas: "builtin" };
    const results = THREADS.map((threads) => runKernel(call, { ...device, threads }, run));
    for (const [i, threads] of THREADS.entries()) {
      for (const [n, values] of results[0]!.entries()) {
        const what = `operand ${n}, ${simd} on ${threads} threads`;
        expect(sameBits(values, results[i]![n]!), what).toBe(true);
      }
    }
    return results;
  });
}

export function sameBits(a: Numbers, b: Numbers): boolean {
  const bytes = (x: Numbers): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
  return bytes(a).equals(bytes(b));
}

/** A repeatable stream of numbers. */
export function generator(seed: number): {
  unit(): number;
  floats(n: number, size?: number): Float32Array;
  ids(n: number, limit: number): Int32Array;
} {
  let state = seed >>> 0 || 1;
  const unit = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  return {
    unit,
    floats: (n, size = 1) => Float32Array.from({ length: n }, () => (2 * unit() - 1) * size),
    ids: (n, limit) => Int32Array.from({ length: n }, () => Math.floor(unit() * limit)),
  };
}

/** Largest difference, relative to the larger of 1 and the expected size. */
export function worstError(actual: Numbers, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; ++i) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e) continue;
    if (!Number.isFinite(a) || !Number.isFinite(e)) return Infinity;
    worst = Math.max(worst, Math.abs(a - e) / Math.max(1, Math.abs(e)));
  }
  return worst;
}

export function expectClose(actual: Numbers, expected: ArrayLike<number>, tolerance = 2e-5): void {
  expect(worstError(actual, expected)).toBeLessThan(tolerance);
}

/** Runs everywhere and compares operand `index` with what the oracle says. */
export function check(
  call: KernelCall,
  index: number,
  expected: ArrayLike<number>,
  tolerance = 2e-5,
  run: RunOptions = {},
): void {
  for (const result of runEverywhere(call, run)) expectClose(result[index]!, expected, tolerance);
}

/** The names the addon itself has, past the binding. */
export function rawAddon(path: string): { opcodes(): string[]; kernels(): string[] } {
  return createRequire(import.meta.url)(path) as { opcodes(): string[]; kernels(): string[] };
}
