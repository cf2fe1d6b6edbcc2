/** Gradients are summed over the ranks once each, when they are complete, and in one order everywhere. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isWritten } from "../../../compiler/bundle/effects.ts";
import type { PlanProgram, SessionPlan } from "../../../compiler/bundle/plan.ts";
import { loadModel } from "../../../dsl/index.ts";
import { NativeError } from "../../../runtime-native/js/index.ts";
import { openSession } from "../../../training/host_session.ts";
import { trainingPlan } from "../../../training/programs.ts";
import { graphOf, randomModel } from "../../support/random_model.ts";

function sumsOf({ commands }: PlanProgram) {
  return [...commands.entries()].filter(([, c]) => c.kernel === "all_reduce");
}

function checkSums(plan: SessionPlan, names: readonly string[]): void {
  const gradients = plan.buffers.flatMap((b, i) => (b.name.startsWith("grad.") ? [i] : []));
  const orders = names.map((name) => {
    const program = plan.programs.find((p) => p.name === name)!;
    const sums = sumsOf(program);
    const summed = sums.flatMap(([, c]) => c.operands.map((o) => o.buffer));
    expect([...summed].sort((a, b) => a - b)).toEqual(gradients);
    for (const [at, { operands, ints }] of sums) {
      for (const [i, { buffer }] of operands.entries()) {
        expect(ints[i]! * 4).toBe(plan.buffers[buffer]!.bytes);
        // Nothing touches a gradient after its sum, and what wrote it is waited for.
        for (const [other, command] of program.commands.entries()) {
          const j = command.operands.findIndex((o) => o.buffer === buffer);
          if (j < 0 || other === at) continue;
          expect(other).toBeLessThan(at);
          if (isWritten(command, j)) expect(waitsFor(program, at, other)).toBe(true);
        }
      }
    }
    for (const [i, [at]] of sums.entries())
      if (i > 0) expect(waitsFor(program, at, sums[i - 1]![0])).toBe(true);
    return sums.map(([, c]) => c.operands.map((o) => o.buffer));
  });
  for (const order of orders) expect(order).toEqual(orders[0]);
}

/** Whether a command waits for an earlier one, also by way of others. */
function waitsFor({ order = [] }: PlanProgram, command: number, earlier: number): boolean {
  const seen = new Set([command]);
  for (const at of seen) for (const before of order[at]!.after) seen.add(before);
  return seen.has(earlier);
}

describe("sums over ranks", () => {
  test("of random models: each gradient once, after its last write, in one order", () => {
    fc.assert(
      fc.property(randomModel, fc.constantFrom(1, 2, 3), ({ source }, batch) => {
        const { plan } = trainingPlan(graphOf(source, "train"), undefined, { batch, ranks: true });
        checkSums(plan, ["micro_step", ...(batch > 1 ? ["batch"] : []), "reduce"]);
      }),
      { numRuns: 40 },
    );
  });

  test("of one process are none", () => {
    const { plan } = trainingPlan(graphOf(loadModel("tiny"), "train", { L: 2 }));
    for (const program of plan.programs) expect(sumsOf(program)).toEqual([]);
  });

  test("small gradients travel together, and the last layers' go while the first ones compute", () => {
    const wide = graphOf(loadModel("tiny"), "train", { L: 6, D: 256, F: 512 });
    const { plan } = trainingPlan(wide, undefined, { ranks: true });
    const program = plan.programs.find((p) => p.name === "micro_step")!;
    const sums = sumsOf(program);
    expect(sums.length).toBeGreaterThan(6);
    expect(sums.length).toBeLessThan(plan.buffers.filter((b) => b.name.startsWith("grad.")).length);
    // Half of the commands are forward; a sixth of the rest is behind the last layer.
    expect(sums[0]![0]).toBeLessThan(program.commands.length * 0.65);
  });

  test("are left out but in the last run of a group, and need ranks there", () => {
    const train = graphOf(loadModel("tiny"), "train", { S: 8, D: 16, H: 2, K: 1, E: 8, F: 24 });
    const session = openSession(trainingPlan(train, undefined, { ranks: true }), { threads: 1 });
    const alone = openSession(trainingPlan(train), { threads: 1 });
    for (const one of [session, alone]) {
      one.run("micro_step", { first: true });
      one.run("micro_step");
    }
    expect(session.f32("output.loss")).toEqual(alone.f32("output.loss"));
    expect(session.f32("grad.embed.weight")).toEqual(alone.f32("grad.embed.weight"));
    expect(() => session.run("reduce", { last: true })).toThrow(
      new NativeError({
        code: "E0606",
        message: "the session has sums over ranks and was given none",
        detail: "sum of grad.norm.weight and 19 more",
      }),
    );
    session.close();
    alone.close();
  });
});
