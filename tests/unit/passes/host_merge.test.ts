/** Host commands that one kernel call can do together. */
import { expect, test } from "vitest";
import { denseStrides, type View } from "../../../compiler/ops/host.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { mergeCommands } from "../../../passes/host_merge.ts";
import type { PendingCommand } from "../../../passes/plan_builder.ts";
import { trainingPlan } from "../../../training/programs.ts";

const SCRATCH = (storage: number): boolean => storage < 100;

function view(storage: number, shape: readonly number[] = [4, 8]): View {
  return { storage, offset: 0, shape, strides: denseStrides(shape) };
}

function product(a: number, b: number, c: number, write = 0): PendingCommand {
  const ints = [1, 4, 8, 8, 0, 0, 8, 8, 8, 0, 0, 32, write];
  const label = `${a} @ ${b}`;
  return { kernel: "matmul", operands: [view(a), view(b), view(c)], ints, floats: [1], label };
}

function sum(x: number, y: number, z: number): PendingCommand {
  const ints = [1, 32, 2, 1, 1, 1, 1, 0, 2, 1, 2, 2, 0, 1];
  const operands = [view(x), view(y), view(z)];
  return { kernel: "elementwise", operands, ints, floats: [], label: "sum" };
}

function copy(from: number, to: number): PendingCommand {
  const ints = [1, 32, 1, 1, 0];
  return { kernel: "copy", operands: [view(from), view(to)], ints, floats: [], label: "copy" };
}

const storages = (commands: readonly PendingCommand[]) =>
  commands.map((c) => [c.kernel, ...c.operands.map((v) => v!.storage)]);

test("a product is added to the other one where that lies", () => {
  const merged = mergeCommands(
    [product(100, 101, 0), product(102, 103, 1), sum(0, 1, 2), copy(2, 104)],
    SCRATCH,
  );
  expect(storages(merged)).toEqual([
    ["matmul", 100, 101, 0],
    ["matmul", 102, 103, 0],
    ["copy", 0, 104],
  ]);
  expect(merged.map((c) => c.ints[12])).toEqual([0, 1, undefined]);
});

test.each([
  ["a term is read again", [product(100, 101, 0), product(102, 103, 1), sum(0, 1, 2), copy(1, 3)]],
  [
    "the first is read later",
    [product(100, 101, 0), product(102, 103, 1), sum(0, 1, 2), copy(0, 3)],
  ],
  ["a term is state", [product(100, 101, 105), product(102, 103, 1), sum(105, 1, 2)]],
  ["the result is state", [product(100, 101, 0), product(102, 103, 1), sum(0, 1, 105)]],
  ["one product reads the other", [product(100, 101, 0), product(0, 103, 1), sum(0, 1, 2)]],
  ["the second adds already", [product(100, 101, 0), product(102, 103, 1, 1), sum(0, 1, 2)]],
  ["both terms are one", [product(100, 101, 0), sum(0, 0, 2)]],
])("nothing is added in place where %s", (_, commands) => {
  expect(storages(mergeCommands(commands, SCRATCH))).toEqual(storages(commands));
});

test("training computes the loss and its gradient in one call", () => {
  const graph = elaborate(loadModel("tiny"), {})
    .entries.find((e) => e.kind === "train")!
    .graph();
  const kernels = trainingPlan(graph).plan.programs.map((p) => [
    p.name,
    p.commands.filter((c) => c.kernel.startsWith("cross_entropy")).map((c) => c.kernel),
  ]);
  expect(Object.fromEntries(kernels)).toMatchObject({
    micro_step: ["cross_entropy_both"],
    evaluate: ["cross_entropy"],
  });
});
