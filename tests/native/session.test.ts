/** Sessions: what they refuse, what their views are, what closing does. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { SessionPlan } from "../../compiler/bundle/plan.ts";
import { packageRoot } from "../../dsl/index.ts";
import { loadAddon } from "../../runtime-native/js/addon.ts";
import { addonPath } from "../../runtime-native/js/addon_file.ts";
import {
  createSession,
  deviceInfo,
  kernelNames,
  measureGemm,
  NativeError,
} from "../../runtime-native/js/index.ts";
import { type KernelCall, planOf, runKernel } from "./harness.ts";

/** The error an action ends with. */
function errorOf(action: () => unknown): NativeError {
  try {
    action();
  } catch (error) {
    if (error instanceof NativeError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const fill: KernelCall = {
  kernel: "fill",
  operands: [new Float32Array(8)],
  ints: [8],
  floats: [3],
};
const open = (plan: SessionPlan) => createSession(plan, { threads: 1, blas: "builtin" });

test("every kernel has a name of its own", () => {
  const files = readdirSync(join(packageRoot(), "runtime-native", "kernels"));
  const kernels = files.filter((name) => name.endsWith(".cpp") && name !== "table.cpp");
  expect(kernelNames().toSorted()).toEqual(kernels.map((name) => name.slice(0, -4)).toSorted());
});

test("views are the memory the kernels work on", () => {
  const session = open(planOf(fill));
  const view = session.f32("0");
  expect([...view]).toEqual(new Array(8).fill(0));
  session.run("main");
  expect([...view]).toEqual(new Array(8).fill(3));
  session.close();
});

test("a closed session gives its memory back and refuses everything", () => {
  const session = open(planOf(fill));
  const view = session.f32("0");
  session.run("main");
  session.close();
  session.close();
  expect(view.length).toBe(0);
  expect(view[0]).toBeUndefined();
  for (const use of [() => session.run("main"), () => session.f32("0")]) {
    expect(errorOf(use)).toMatchObject({ code: "E0606", message: "the session is closed" });
  }
});

test("closing gives memory back at once, not when the event loop turns", () => {
  const bytes = 2 ** 23;
  const plan = { ...planOf(fill), stateBytes: bytes };
  const use = (): void => {
    const session = open(plan);
    new Uint8Array(session.f32("0").buffer).fill(1);
    session.close();
  };
  use();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 60; ++i) use();
  expect(process.memoryUsage().rss - before).toBeLessThan(8 * bytes);
});

test("memory that a program has transferred outlives the session", () => {
  // Node 20 has `transfer` behind a flag, for realms that are made after it.
  setFlagsFromString("--harmony-rab-gsab-transfer");
  const transfer = runInNewContext("ArrayBuffer.prototype.transfer") as (
    this: ArrayBufferLike,
  ) => ArrayBuffer;
  const session = open(planOf(fill));
  const view = session.f32("0");
  session.run("main");
  const other = new Float32Array(transfer.call(view.buffer));
  expect(view.length).toBe(0);
  session.close();
  expect(other[0]).toBe(3);
  other.fill(5);
  expect([...other.slice(0, 8)]).toEqual(new Array(8).fill(5));
});

test("names and dtypes are checked", () => {
  const session = open(planOf(fill));
  expect(errorOf(() => session.run("other")).message).toBe(
    "the session has no program named `other`",
  );
  expect(errorOf(() => session.f32("other")).message).toBe(
    "the session has no buffer named `other`",
  );
  expect(errorOf(() => session.i32("0")).message).toBe("buffer `0` holds f32, not i32");
  session.close();
});

test("E0601: more memory than there is", () => {
  const huge = { ...planOf(fill), stateBytes: 2 ** 52 };
  expect(errorOf(() => open(huge)).code).toBe("E0601");
  const work: KernelCall = {
    kernel: "rms_norm_grad_w",
    operands: [new Float32Array(0), new Float32Array(0), new Float32Array(0)],
    ints: [2 ** 50, 0, 0],
    floats: [0],
  };
  expect(errorOf(() => open(planOf(work))).code).toBe("E0601");
});

test("E0602: a kernel that does not exist", () => {
  const error = errorOf(() => open(planOf({ ...fill, kernel: "fil" })));
  expect(error).toMatchObject({ code: "E0602", message: "there is no host kernel named `fil`" });
});

const x = new Float32Array(12);
const refused: readonly (readonly [string, KernelCall])[] = [
  ["one element too many", { ...fill, ints: [9] }],
  ["a size that overflows", { kernel: "softmax", operands: [x, x], ints: [2 ** 52, 2 ** 52] }],
  ["a negative size", { ...fill, ints: [-1] }],
  ["a fraction", { ...fill, ints: [1.5] }],
  ["NaN", { ...fill, ints: [Number.NaN] }],
  ["a missing integer", { ...fill, ints: [] }],
  ["an integer too many", { ...fill, ints: [8, 8] }],
  ["a missing number", { ...fill, floats: [] }],
  ["a missing operand", { ...fill, operands: [] }],
  ["an operand too many", { ...fill, operands: [x, x] }],
  ["an absent operand that is needed", { ...fill, operands: [null] }],
  ["the wrong dtype", { ...fill, operands: [new Int32Array(8)] }],
  [
    "a row stride shorter than a row",
    {
      kernel: "matmul",
      operands: [x, x, x],
      ints: [1, 3, 3, 3, 0, 0, 2, 3, 3, 0, 0, 0, 0],
      floats: [1],
    },
  ],
  [
    "a batch stride beyond the buffer",
    {
      kernel: "matmul",
      operands: [x, x, x],
      ints: [2, 1, 1, 1, 0, 0, 1, 1, 1, 12, 0, 1, 0],
      floats: [1],
    },
  ],
  [
    "a write mode that does not exist",
    { kernel: "reduce", operands: [x, x], ints: [0, 1, 12, 1, 3] },
  ],
  [
    "adding integers",
    { kernel: "copy", operands: [new Int32Array(4), new Int32Array(4)], ints: [1, 4, 1, 1, 1] },
  ],
  ["an output that is written twice", { kernel: "copy", operands: [x, x], ints: [1, 4, 1, 0, 0] }],
  [
    "an opcode that does not exist",
    { kernel: "elementwise", operands: [x, x], ints: [1, 12, 1, 1, 1, 1, 0, 1, 1, 25, 1, 0, 0] },
  ],
  [
    "a register that is not set",
    { kernel: "elementwise", operands: [x, x], ints: [1, 12, 1, 1, 1, 1, 0, 1, 1, 2, 1, 0, 5] },
  ],
  [
    "an output register that is not set",
    { kernel: "elementwise", operands: [x, x], ints: [1, 12, 1, 1, 1, 1, 0, 9, 0] },
  ],
  [
    "a constant that is not there",
    { kernel: "elementwise", operands: [x, x], ints: [1, 12, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0] },
  ],
  [
    "heads that do not divide",
    {
      kernel: "attention",
      operands: [x, x, x, x],
      ints: [3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
      floats: [1],
    },
  ],
  [
    "no key heads",
    {
      kernel: "attention",
      operands: [x, x, x, x],
      ints: [2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
      floats: [1],
    },
  ],
  [
    "an odd head of rope",
    { kernel: "rope", operands: [x, null, x], ints: [1, 1, 3, 3, 3, 3, 3, 0, 0, 0], floats: [1e4] },
  ],
];

test.each(refused)("E0603: %s", (_, call) => {
  const error = errorOf(() => open(planOf(call)));
  expect(error.code).toBe("E0603");
});

test("E0603: an operand that starts outside its buffer", () => {
  const plan = planOf(fill);
  const command = plan.programs[0]!.commands[0]!;
  for (const offset of [1, 9, -1, 2 ** 53]) {
    const moved = { ...command, operands: [{ buffer: 0, offset }] };
    const damaged = { ...plan, programs: [{ name: "main", commands: [moved] }] };
    expect(errorOf(() => open(damaged)).code).toBe("E0603");
  }
});

test("E0603: a buffer that does not lie in its arena, or is not aligned", () => {
  const plan = planOf(fill);
  const buffer = plan.buffers[0]!;
  for (const change of [
    { offset: 64 },
    { offset: 4 },
    { bytes: 2 ** 50 },
    { bytes: 30 },
    { bytes: -4 },
  ]) {
    const damaged = { ...plan, buffers: [{ ...buffer, ...change }] };
    expect(errorOf(() => open(damaged)).code).toBe("E0603");
  }
  expect(errorOf(() => open({ ...plan, buffers: [buffer, buffer] })).code).toBe("E0603");
});

test("E0603 says what was needed and what there was", () => {
  const error = errorOf(() => open(planOf({ ...fill, ints: [9] })));
  expect(error.message).toBe("operand 0 of `test` (kernel fill) does not fit buffer `0`");
  expect(error.detail).toBe("needs 9 elements from element 0 on; the buffer has 8");
});

test.each([-1, 4, 2 ** 31 - 1])("E0604: the id %d of a table of 4 rows", (id) => {
  const ids = Int32Array.of(1, id);
  const table = new Float32Array(12);
  const y = new Float32Array(6);
  const logits = new Float32Array(8);
  const calls: KernelCall[] = [
    { kernel: "embedding", operands: [table, ids, y], ints: [2, 4, 3] },
    { kernel: "embedding_grad", operands: [y, ids, table], ints: [2, 4, 3, 1] },
    { kernel: "cross_entropy", operands: [logits, ids, y], ints: [2, 4, 0] },
    { kernel: "cross_entropy_grad", operands: [logits, ids, y, logits], ints: [2, 4] },
  ];
  for (const call of calls) {
    const error = errorOf(() => runKernel(call));
    expect(error.code).toBe("E0604");
    expect(error.message).toContain(`${id} at position 1 is not in 0 .. 3`);
  }
});

test.each([-1, 7, 2 ** 31 - 1])("E0604: position %d of a cache of 8 rows, for 2 new rows", (at) => {
  const [cache, rows, position] = [new Float32Array(16), new Float32Array(4), Int32Array.of(at)];
  const update = {
    kernel: "update_rows",
    operands: [cache, rows, position],
    ints: [1, 8, 2, 2, 4, 2],
  };
  const ints = [1, 1, 2, 8, 2, 4, 2, 16, 2, 16, 2, 4, 2];
  const operands = [rows, cache, cache, position, rows];
  const attend = { kernel: "attention_cached", operands, ints, floats: [1] };
  for (const call of [update, attend]) {
    expect(errorOf(() => runKernel(call)).message).toContain(`position ${at}`);
  }
});

test("a fault stops the program, and the session goes on", () => {
  const session = open(
    planOf({
      kernel: "embedding",
      operands: [new Float32Array(8), new Int32Array(1), new Float32Array(2)],
      ints: [1, 4, 2],
    }),
  );
  session.i32("1")[0] = 4;
  expect(errorOf(() => session.run("main")).code).toBe("E0604");
  session.i32("1")[0] = 3;
  session.f32("0").set([5, 6], 6);
  session.run("main");
  expect([...session.f32("2")]).toEqual([5, 6]);
  session.close();
});

test("E0605: the addon is not built", () => {
  const error = errorOf(() => loadAddon("/no/such/anec.node"));
  expect(error.code).toBe("E0605");
  expect(error.message).toContain("npm run build:native");
  expect(existsSync(addonPath())).toBe(true);
});

test("E0607: a device that is not there", () => {
  expect(errorOf(() => deviceInfo({ blas: "/no/such/library.so" })).code).toBe("E0607");
  expect(errorOf(() => deviceInfo({ simd: "avx9000" })).code).toBe("E0607");
  expect(errorOf(() => deviceInfo({ threads: -1 })).code).toBe("E0607");
});

test("the device says what it is", () => {
  expect(deviceInfo({ threads: 2, blas: "builtin" })).toMatchObject({ threads: 2, blas: null });
  expect(deviceInfo({ simd: "portable" }).simd).toBe("portable");
  expect(measureGemm({ m: 64, n: 64, k: 64, seconds: 0.01, blas: "builtin" })).toBeGreaterThan(0.1);
});

test("buffers of every dtype, in both arenas", () => {
  const plan: SessionPlan = {
    version: 1,
    stateBytes: 128,
    scratchBytes: 64,
    buffers: [
      { name: "a", arena: "state", dtype: "f64", offset: 64, bytes: 16 },
      { name: "b", arena: "scratch", dtype: "i32", offset: 0, bytes: 64 },
      { name: "c", arena: "scratch", dtype: "f32", offset: 0, bytes: 64 },
    ],
    programs: [],
  };
  const session = open(plan);
  session.i32("b")[0] = 0x3f800000;
  expect(session.f32("c")[0]).toBe(1);
  expect(session.f64("a").length).toBe(2);
  session.close();
});
